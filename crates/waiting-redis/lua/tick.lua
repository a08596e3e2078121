-- Moves a line on by one chunk: notes sessions that are over, lets in as many as cap and rate admit, skips whoever is
-- gone, or closes the line and its lobby. Cap and rate hold over all instances, because this is all that lets anybody in.
--
-- ARGV after those of room.lua: 4 cap, 5 rate in thousandths a second, 6 session, 7 claim and 8 presence in seconds,
-- 9 what the room does (0 held, 1 open, 2 closed), 10 how many places this chunk may touch.
-- Answers the figures, whether there is more to do for the next call, the time, and how many sessions have ended by age.
-- Complexity: O(chunk × log n). Closing is O(1): what was in line is over by its number, and the sets are freed
-- in the background.

open_room()
set('cap', tonumber(ARGV[4]))
set('milli', math.max(tonumber(ARGV[5]), 1))
set('session', tonumber(ARGV[6]))
set('claim', tonumber(ARGV[7]))
set('presence', tonumber(ARGV[8]))
local does, budget = ARGV[9], tonumber(ARGV[10])
local has_more = false
local admitted, inside, shorter, longer, unknown = 0, 0, 0, 0, 0
-- Who was let in by this chunk, as others are told of it: number, entry, user and time of joining.
local told = {}

-- Notes sessions whose time is over. One whose fan had the claim time anew is put where it belongs.
local function note_ends()
  local due = redis.call('ZRANGEBYSCORE', SESSIONS, '-inf', now, 'LIMIT', 0, budget)
  for _, name in ipairs(due) do
    local place = load_place(name)
    local at, reason = own_end(place)
    if now >= at then
      end_place(name, place, reason, at)
    else
      place.claim = claim_by(place)
      keep_place(name, place)
      redis.call('ZADD', SESSIONS, at, name)
    end
  end
  budget = budget - #due
  has_more = budget <= 0
end

-- How many were let in within so many microseconds: a window without its first moment.
local function let_in_within(micros)
  local total = get('admitted_total')
  local before = redis.call('ZREVRANGEBYSCORE', ADMISSIONS, now - micros, '-inf', 'LIMIT', 0, 1)[1]
  if before then
    return total - tonumber(string.match(before, '^(%d+)'))
  end
  local first = redis.call('ZRANGE', ADMISSIONS, 0, 0)[1]
  if not first then
    return 0
  end
  local sum, count = string.match(first, '^(%d+):(%d+)$')
  return total - (tonumber(sum) - tonumber(count))
end

-- Drops admissions that no window reaches, but for the last of them, from which the later ones are counted.
local function trim_admissions(window)
  local reach = now - math.max(window, 10 * SECOND)
  local last = redis.call('ZREVRANGEBYSCORE', ADMISSIONS, reach, '-inf', 'LIMIT', 0, 1)[1]
  local rank = last and redis.call('ZRANK', ADMISSIONS, last) or 0
  if rank > 0 then
    redis.call('ZREMRANGEBYRANK', ADMISSIONS, 0, math.min(rank, 500) - 1)
  end
end

-- How many the rate lets in now: AdmissionLog::allowed.
local function allowed_by_rate()
  local one, milli = 1000 * SECOND, get('milli')
  local window, per_window = window_of(milli)
  local most = math.max(milli * 250000, one)
  local earned = most
  if room.credit_at then
    earned = milli * math.max(now - room.credit_at, 0)
  end
  set('credit', math.min(get('credit') + earned, most))
  set('credit_at', now)
  trim_admissions(window)
  if room.lost_at and now < room.lost_at + window then
    -- Whoever was let in just before Redis lost something may be among what it has lost.
    return 0
  end
  return math.min(math.max(per_window - let_in_within(window), 0), math.floor(get('credit') / one))
end

local function is_present(place)
  local seconds = math.max(get('presence'), 2 * place.told)
  return now < math.max(place.seen, get('ready_at')) + seconds * SECOND
end

-- Whether the fan waited as long as they were told at joining.
local function judge(place)
  local waited = math.max(0, math.ceil((now - place.joined) / SECOND))
  if place.low == UNKNOWN_WAIT and place.high == UNKNOWN_WAIT then
    unknown = unknown + 1
  elseif waited < place.low then
    shorter = shorter + 1
  elseif waited <= place.high then
    inside = inside + 1
  else
    longer = longer + 1
  end
end

-- Lets somebody in: Session::begin.
local function call(name, place)
  local claim, half = get('claim') * SECOND, math.floor(get('claim') / 2) * SECOND
  place.state, place.admitted, place.ends = ACTIVE, now, now + get('session') * SECOND
  place.claim = math.max(now + claim, place.seen + place.told * SECOND + half)
  judge(place)
  keep_place(name, place)
  redis.call('ZADD', SESSIONS, math.min(place.claim, place.ends), name)
  admitted = admitted + 1
  told[admitted] = struct.pack('<i8c16c16i8', tonumber(name), place.entry, place.user, place.joined)
end

local function call_returners(allowed)
  local names = redis.call('ZRANGE', RETURNED, 0, budget - 1)
  for _, name in ipairs(names) do
    if admitted == allowed then
      return
    end
    budget = budget - 1
    local place = load_place(name)
    redis.call('ZREM', RETURNED, name)
    if is_present(place) then
      redis.call('ZREM', SKIPPED, name)
      call(name, place)
    end
  end
end

local function call_waiting(allowed)
  -- More than are let in are looked at only where somebody was gone.
  while admitted < allowed and budget > 0 do
    local names = redis.call('ZRANGE', WAITING, 0, math.min(allowed - admitted, budget) - 1)
    if #names == 0 then
      return
    end
    budget = budget - #names
    redis.call('ZREM', WAITING, unpack(names))
    for _, name in ipairs(names) do
      local place = load_place(name)
      if is_present(place) then
        call(name, place)
      else
        place.state = SKIP
        keep_place(name, place)
        redis.call('ZADD', SKIPPED, tonumber(name), name)
      end
    end
  end
end

local function call_next()
  local free = math.max(get('cap') - redis.call('ZCARD', SESSIONS), 0)
  local allowed = math.min(allowed_by_rate(), free)
  if allowed == 0 then
    return
  end
  call_returners(allowed)
  call_waiting(allowed)
  has_more = has_more or (budget <= 0 and admitted < allowed)
  if admitted > 0 then
    local total = get('admitted_total') + admitted
    set('admitted_total', total)
    set('credit', math.max(get('credit') - admitted * 1000 * SECOND, 0))
    redis.call('ZADD', ADMISSIONS, now, string.format('%015.0f:%d', total, admitted))
    redis.call('RPUSH', UNTOLD, struct.pack('<i8', now) .. table.concat(told))
  end
end

-- The lobby of a line that lets fans in was drawn. Where it is not so after a loss, the end of the draw was lost, or somebody
-- was put back into the lobby since: whoever is there follows, in order of number. The order of a draw is not known here.
local function end_lost_draw()
  if get('lost_at') == 0 or get('drawn') == 1 then
    return
  end
  budget = budget - follow(get('lobby_closed_below'), budget)
  if budget <= 0 then
    has_more = true
  elseif get('cut') > 0 then
    set('drawn', 1)
  end
end

local function close()
  if how_many_in_lobby() > 0 then
    set('lobby_closed_below', last_in_lobby() + 1)
    set('lobby_closed_at', now)
    set('out_of_draw', 0)
  end
  if redis.call('ZCARD', WAITING) + redis.call('ZCARD', SKIPPED) > 0 then
    set('closed_below', get('seq') + 1)
    set('closed_at', now)
    redis.call('UNLINK', WAITING, SKIPPED, RETURNED)
  end
end

note_ends()
if does == '1' and budget > 0 then
  end_lost_draw()
  if budget > 0 then
    call_next()
  end
elseif does == '2' then
  close()
end
local wants_sample = 0
if now >= get('sampled_at') + SECOND then
  set('sampled_at', now)
  wants_sample = 1
end
save_room()
local head = redis.call('ZRANGE', WAITING, 0, 0)[1]
local waiting = redis.call('ZCARD', WAITING)
local figures = {
  waiting, redis.call('ZCARD', SKIPPED), redis.call('ZCARD', SESSIONS), tonumber(head) or get('seq') + 1, get('seq'),
  admitted, let_in_within(10 * SECOND), inside, shorter, longer, unknown, get('admitted_total'),
  math.floor((room.present or 1) * 1000000), wants_sample, has_more and 1 or 0, now, how_many_in_lobby(), last_in_lobby(),
}
local ended = { struct.unpack('<' .. string.rep('I4', AGES), room.ages or NO_AGES) }
for age = 1, AGES do
  figures[#figures + 1] = ended[age]
end
return figures
