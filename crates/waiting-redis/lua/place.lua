-- One place: how it is kept, where it stands, what a sign of life and an end do to it. The rules are those of
-- frontrow_domain::queue; the suite compares the two step by step.
-- Complexity: O(log n) with n in line for each place.

local WAIT, SKIP, ACTIVE, OVER = 0, 1, 2, 3
-- In the order of EndReason::ALL.
local LEFT, TIMED_OUT, NO_SHOW, CLOSED = 1, 2, 3, 4
local UNKNOWN_WAIT = 4294967295
-- Those in line are by far the most: a place that was never called is kept without what comes with a call, and with the
-- sign of life as the time since joining. The two forms differ in length.
local IN_LINE = '<Bc16c16I7I6I2I4I4'
local CALLED = '<c16c16i8Bi8I4I4I4i8i8i8B'
local IN_LINE_BYTES = 56
-- A place of the lobby whose fan was drawn is kept as its entry alone, for the list of the draw: their place is in the line.
local DRAWN_BYTES = 16
-- Of how many ages the sessions are that have ended, and none of them: a count of four bytes each.
local AGES = 32
local NO_AGES = string.rep('\0', 4 * AGES)
local ANSWER = '<Bi8c16c16i8Bi8i8i8Bi8I4i8'

local function unpack_place(packed)
  local place = {}
  if #packed == DRAWN_BYTES then
    return { entry = packed, state = OVER, is_drawn = true }
  elseif #packed == IN_LINE_BYTES then
    local after
    place.state, place.entry, place.user, place.joined, after, place.told, place.low, place.high =
      struct.unpack(IN_LINE, packed)
    place.seen = place.joined + after
    place.admitted, place.ends, place.claim, place.reason = 0, 0, 0, 0
  else
    place.entry, place.user, place.joined, place.state, place.seen, place.told, place.low, place.high, place.admitted,
      place.ends, place.claim, place.reason = struct.unpack(CALLED, packed)
  end
  return place
end

local function pack_place(place)
  if place.state <= SKIP and place.joined >= 0 then
    -- Nobody is told to come back later than in five minutes.
    return struct.pack(IN_LINE, place.state, place.entry, place.user, place.joined, place.seen - place.joined,
      place.told, place.low, place.high)
  end
  return struct.pack(CALLED, place.entry, place.user, place.joined, place.state, place.seen, place.told, place.low,
    place.high, place.admitted, place.ends, place.claim, place.reason)
end

local function load_place(name)
  local packed = redis.call('HGET', PLACES, name)
  return packed and unpack_place(packed)
end

local function keep_place(name, place)
  redis.call('HSET', PLACES, name, pack_place(place))
end

-- Fans are kept together by the last two bytes of their ids, which are drawn at random: of a fan with a field of their own
-- Redis would keep four bytes for each that counts. A field has of each of its fans the rest of the id and the number. A
-- room of the version before has the user as the field and the number in decimals; it is in that form until it is gone.
local REST_BYTES = 14
local FAN_BYTES = REST_BYTES + 5

local function shares_fields()
  return room.form == FORM
end

-- The field of a user, what is in it, and where the user begins in that, if there.
local function field_of(user)
  local field, rest = string.sub(user, REST_BYTES + 1), string.sub(user, 1, REST_BYTES)
  local text = redis.call('HGET', FANS, field) or ''
  local at = string.find(text, rest, 1, true)
  while at and (at - 1) % FAN_BYTES > 0 do
    at = string.find(text, rest, at + 1, true)
  end
  return field, text, at
end

-- The name of a fan's newest place, or nothing.
local function newest_name(user)
  if not shares_fields() then
    return redis.call('HGET', FANS, user)
  end
  local _, text, at = field_of(user)
  return at and name_of((struct.unpack('<I5', text, at + REST_BYTES)))
end

local function keep_newest(user, name)
  if not shares_fields() then
    redis.call('HSET', FANS, user, name)
    return
  end
  local field, text, at = field_of(user)
  at = at or #text + 1
  redis.call('HSET', FANS, field, string.sub(text, 1, at - 1) .. string.sub(user, 1, REST_BYTES)
    .. struct.pack('<I5', tonumber(name)) .. string.sub(text, at + FAN_BYTES))
end

local function forget_newest(user)
  if not shares_fields() then
    redis.call('HDEL', FANS, user)
    return
  end
  local field, text, at = field_of(user)
  if at and #text > FAN_BYTES then
    redis.call('HSET', FANS, field, string.sub(text, 1, at - 1) .. string.sub(text, at + FAN_BYTES))
  elseif at then
    redis.call('HDEL', FANS, field)
  end
end

-- Until when the fan has to come, or 0. Whoever was called before an outage has the claim time anew after it, unless
-- it had run out by then.
local function claim_by(place)
  local claim = place.claim
  if claim > 0 and place.admitted < get('ready_at') and claim > get('outage_from') then
    return math.max(claim, get('claim_floor'))
  end
  return claim
end

-- When the session is over, and why then.
local function own_end(place)
  local claim = claim_by(place)
  if claim > 0 and claim < place.ends then
    return claim, NO_SHOW
  end
  return place.ends, TIMED_OUT
end

-- The state as it is now, and for one that is over when and why.
local function state_of(number, place)
  if place.state == ACTIVE then
    local at, reason = own_end(place)
    if now >= at then
      return OVER, at, reason
    end
  elseif place.state == OVER then
    return OVER, place.ends, place.reason
  elseif is_of_lobby(number) then
    if number < get('lobby_closed_below') then
      return OVER, get('lobby_closed_at'), CLOSED
    end
  elseif number < get('closed_below') then
    return OVER, get('closed_at'), CLOSED
  end
  return place.state, place.ends, place.reason
end

-- Seconds after which somebody with so many ahead is to ask again: Pace::waiting.
local function ask_again(ahead)
  local window, per_window = window_of(get('milli'))
  local seconds_for = math.floor(ahead * math.floor(window / SECOND) / per_window)
  local earliest = seconds_for + math.floor(get('claim') / 2)
  return math.max(2, math.min(2 + math.floor(ahead / 500), 300, earliest))
end

local function how_many_before(set_key, number)
  return redis.call('ZCOUNT', set_key, '-inf', '(' .. name_of(number))
end

-- How many are in the lobby: neither over nor drawn.
local function how_many_in_lobby()
  if get('drawn') == 1 then
    return 0
  end
  return redis.call('ZCOUNT', LOBBY, name_of(get('lobby_closed_below')), '+inf') - get('out_of_draw')
end

-- Where a place stands, as a table: state, at, reason, ahead (-1 for none), poll.
local function standing_of(name, number, place)
  local state, at, reason = state_of(number, place)
  local ahead, poll = -1, 60
  if state == WAIT and is_of_lobby(number) then
    -- Nobody is ahead of anybody there, but all of them will be in line.
    poll = ask_again(how_many_in_lobby())
  elseif state == WAIT then
    -- One look-up where the number is in the set, as it is.
    ahead = redis.call('ZRANK', WAITING, name) or how_many_before(WAITING, number)
    poll = ask_again(ahead)
  elseif state == SKIP then
    ahead = how_many_before(RETURNED, number)
    poll = ask_again(ahead)
  elseif state == ACTIVE then
    ahead, poll = 0, 5
  end
  return { state = state, at = at, reason = reason, ahead = ahead, poll = poll }
end

local function answer(code, number, place, standing)
  local claim = standing.state == ACTIVE and claim_by(place) or 0
  return struct.pack(ANSWER, code, number, place.entry, place.user, place.joined, standing.state, place.admitted,
    standing.at, claim, standing.reason, standing.ahead, standing.poll, now)
end

-- A sign of life: the standing, and whoever was skipped is back.
local function see(name, number, place)
  if place.state == SKIP and number >= get('closed_below') then
    redis.call('ZADD', RETURNED, number, name)
  end
  local standing = standing_of(name, number, place)
  if standing.state == WAIT or standing.state == SKIP then
    place.seen, place.told = now, standing.poll
    keep_place(name, place)
  end
  return standing
end

-- Which age somebody is of who was let in so many seconds ago: frontrow_domain::queue::Ages. They begin at 0, 2, 3, 4, 6,
-- 8, 12, 16 seconds and so on.
local function age_of(seconds)
  local age, begin = 0, 2
  while age < AGES do
    if seconds < begin then
      return age
    elseif seconds < begin * 1.5 then
      return age + 1
    end
    age, begin = age + 2, begin * 2
  end
  return AGES - 1
end

-- Counts a session that lasted so many seconds.
local function note_age(seconds)
  local ages, at = room.ages or NO_AGES, 4 * age_of(seconds)
  local count = struct.unpack('<I4', ages, at + 1)
  set('ages', string.sub(ages, 1, at) .. struct.pack('<I4', count + 1) .. string.sub(ages, at + 5))
end

-- Takes a place out of the lobby. One that is in the draw stays on its list.
local function leave_lobby(name, number)
  if number > get('cut') then
    redis.call('ZREM', LOBBY, name)
  elseif number >= get('lobby_closed_below') then
    set('out_of_draw', get('out_of_draw') + 1)
  end
end

-- Ends a place that is not noted as over.
local function end_place(name, place, reason, at)
  local number = tonumber(name)
  if is_of_lobby(number) then
    leave_lobby(name, number)
  elseif place.state == WAIT then
    redis.call('ZREM', WAITING, name)
  elseif place.state == SKIP then
    redis.call('ZREM', SKIPPED, name)
    redis.call('ZREM', RETURNED, name)
  elseif place.state == ACTIVE then
    redis.call('ZREM', SESSIONS, name)
    note_age(math.max(0, math.ceil((at - place.admitted) / SECOND)))
  end
  place.state, place.ends, place.claim, place.reason = OVER, at, 0, reason
  keep_place(name, place)
  redis.call('ZADD', ENDED, at, name)
end
