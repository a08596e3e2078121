-- What every script of a room begins with: its keys, its fields, its time, and whether Redis still knows the line.
--
-- A room is eleven keys in one hash slot:
--   room        hash: the fields below, all numbers but `run` and `ages`
--   places      hash: number -> packed place
--   fans        hash: end of a user -> users with the numbers of their newest places (place.lua)
--   waiting     sorted set of numbers: in line and never skipped. Score = number: the order of the line
--   skipped     the same for those who were skipped, whether or not they are back
--   returned    the same for those of them who are back
--   sessions    sorted set of numbers by the end of their session
--   ended       sorted set of numbers by the time at which they ended, for whoever forgets them
--   admissions  sorted set of `total:count` by time: how many had been let in by then, and how many of them then
--   untold      list of those of whom nobody was told that they were let in: an element for each chunk of a tick
--   lobby       sorted set of numbers: in the lobby, and in its draw until that is done (lobby.lua). Score = number
--
-- Fields: form (of `fans`), seq (the last number given out), last_now, offset (of the line's time to the clock), run (the
-- id of the Redis process), alive_until, ready_at, outage_from, claim_floor, closed_below, closed_at, swept_below, credit,
-- credit_at, admitted_total, ages (of sessions that have ended: place.lua), present, sampled_at, lost_from, lost_to,
-- lost_at, and of the last policy cap, milli, session, claim, presence. Only in a room with a lobby, or with a loss behind it:
-- lobby_seq (the last number given out there, counted from ABOVE_LINE), cut (the highest number in the draw, once that is
-- settled), draw_first (the number in line of whoever is drawn first), out_of_draw (how many of the draw are in the lobby no
-- more: placed, or gone), follows (1 once those follow who came later), drawn (1 once it is done), lobby_closed_below,
-- lobby_closed_at, lobby_lost_from, lobby_lost_to.
--
-- ARGV: 1 the time in microseconds, empty for the clock of Redis; 2 the highest numbers that the caller knows of in the line
-- and in the lobby, with a space between, 0 for none; 3 the silence after which an outage is one, in microseconds.
-- Complexity: O(fields).

local ROOM, PLACES, FANS, WAITING, SKIPPED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local RETURNED, SESSIONS, ENDED, ADMISSIONS, UNTOLD = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local LOBBY = KEYS[11]
local SECOND = 1000000
-- For how long a place that is over is remembered, and one that Redis has lost is put back.
local KEPT = 3600 * SECOND
-- What is added to the counter when numbers may have been lost: more than can be given out within what is lost.
local LEAP = 1000000
-- Numbers above this one are of places in the lobby, in order of arrival: Sequence::LOBBY. No line is ever as long.
local ABOVE_LINE = 2 ^ 39
-- How fans are kept in a room that is made now. A room without the field is in the form before it (place.lua).
local FORM = 2

local room, dirty, now = {}, {}, 0

local function get(field)
  return room[field] or 0
end

local function set(field, value)
  if room[field] ~= value then
    room[field] = value
    dirty[field] = true
  end
end

-- Writes what has changed of the room, once, at the end of a script.
local function save_room()
  local changed = {}
  for field in pairs(dirty) do
    changed[#changed + 1] = field
    changed[#changed + 1] = room[field]
  end
  if #changed > 0 then
    redis.call('HSET', ROOM, unpack(changed))
    dirty = {}
  end
end

local function name_of(number)
  return string.format('%.0f', number)
end

local function is_of_lobby(number)
  return number > ABOVE_LINE
end

-- The last number that was given out in the lobby.
local function last_in_lobby()
  return ABOVE_LINE + get('lobby_seq')
end

-- The window of a rate in thousandths a second, in microseconds, and the most that may be let in within one.
local function window_of(milli)
  if milli >= 1000 then
    return SECOND, math.floor(milli / 1000)
  end
  return math.ceil(1000 * SECOND / math.max(milli, 1)), 1
end

-- From now on absence counts anew, and so does the claim time of those who could not come.
local function resume()
  set('outage_from', get('last_now'))
  set('ready_at', now)
  set('claim_floor', now + get('claim') * SECOND)
  redis.call('UNLINK', RETURNED)
end

-- Numbers above those that Redis knows, or all of them, may have been given out and lost: no new one may be below them, and
-- whoever shows one is put back. The next tick lets nobody in until a window of its rate has passed, because the last
-- admissions may be lost as well.
local function lose(has_lost_all, floor, lobby_floor)
  local from, lobby_from = get('seq'), last_in_lobby()
  if has_lost_all then
    from, lobby_from = 0, 0
  end
  if get('lost_at') > 0 and now < get('lost_at') + KEPT then
    from, lobby_from = math.min(from, get('lost_from')), math.min(lobby_from, get('lobby_lost_from'))
  end
  set('seq', math.max(get('seq'), floor) + LEAP)
  set('lost_from', from)
  set('lost_to', get('seq'))
  set('lobby_seq', math.max(last_in_lobby(), lobby_floor) + LEAP - ABOVE_LINE)
  set('lobby_lost_from', lobby_from)
  set('lobby_lost_to', last_in_lobby())
  set('lost_at', now)
  resume()
end

-- The time of the line: the clock's, but never back, and then at the pace of the clock.
local function tell_time(real)
  local clock = tonumber(ARGV[1]) or real
  local last = get('last_now')
  if clock >= last then
    now = clock
    set('offset', 0)
  elseif clock + get('offset') < last then
    now = last
    set('offset', last - clock)
  else
    now = clock + get('offset')
  end
end

local function open_room()
  local flat = redis.call('HGETALL', ROOM)
  for index = 1, #flat, 2 do
    if flat[index] == 'run' or flat[index] == 'ages' then
      room[flat[index]] = flat[index + 1]
    else
      room[flat[index]] = tonumber(flat[index + 1])
    end
  end
  local time = redis.call('TIME')
  local real = tonumber(time[1]) * SECOND + tonumber(time[2])
  tell_time(real)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local floor, lobby_floor = string.match(ARGV[2], '^(%d+) (%d+)$')
  floor, lobby_floor = tonumber(floor), tonumber(lobby_floor)
  local outage = tonumber(ARGV[3])
  local is_new = not room.run
  local has_new_run = not is_new and room.run ~= run
  set('run', run)
  if is_new then
    set('form', room.form or FORM)
    set('seq', 0)
    set('ready_at', now)
    set('alive_until', real + outage)
  end
  if floor > get('seq') or lobby_floor > last_in_lobby() then
    -- Redis knows less than it has told: nothing of what it had is certain.
    lose(true, floor, lobby_floor)
  elseif has_new_run then
    lose(false, floor, lobby_floor)
  elseif real >= get('alive_until') then
    resume()
  end
  -- Moved on once a second at the most, so that not every question is a write. Only where the clock of Redis was set
  -- back is it ever too far ahead.
  local until_then = real + outage
  if until_then > get('alive_until') + SECOND or until_then < get('alive_until') then
    set('alive_until', until_then)
  end
  set('last_now', now)
  -- Counters are counted up in the hash itself, so they have to be there.
  if dirty.seq then
    save_room()
  end
end
