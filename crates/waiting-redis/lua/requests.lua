-- What fans ask, many at a time and in their order: join, standing, find, enter, end.
--
-- ARGV after those of room.lua: 4 the forecast, for forecast.lua; from 5 on one request each: its kind, the user,
-- the entry, a flag, the number in decimals. Answers one string each: a code, and behind it the standing if there is
-- one.
-- Complexity: O(log n) a request; whoever calls sends at most 300.

local NOTHING, KNOWN, NEW, LET_IN, NOT_YET = 0, 1, 2, 3, 4

local function new_place(user, entry, joined, low, high)
  return { entry = entry, user = user, joined = joined, state = WAIT, seen = now, told = 0, low = low, high = high,
    admitted = 0, ends = 0, claim = 0, reason = 0 }
end

local function put_in_line(name, number, place)
  redis.call('ZADD', WAITING, number, name)
  keep_newest(place.user, name)
  local standing = standing_of(name, number, place)
  place.told = standing.poll
  keep_place(name, place)
  return standing
end

local function join(user, entry, may_join)
  local name = newest_name(user)
  local place = name and load_place(name)
  if place then
    local number = tonumber(name)
    local standing = see(name, number, place)
    if standing.state ~= OVER then
      -- The same entry again is the same request again: its first answer was lost.
      return answer(place.entry == entry and NEW or KNOWN, number, place, standing)
    end
    if may_join and place.state == ACTIVE then
      end_place(name, place, standing.reason, standing.at)
    end
  end
  if not may_join then
    return struct.pack('<B', NOTHING)
  end
  -- In the hash at once: were this script to fail further on, the number would still be used.
  local number = redis.call('HINCRBY', ROOM, 'seq', 1)
  room.seq = number
  local low, high = told_wait(redis.call('ZCARD', WAITING))
  place = new_place(user, entry, now, low, high)
  return answer(NEW, number, place, put_in_line(name_of(number), number, place))
end

-- Whether a fan's newest known place stands in the way of one that was lost. One given out since makes room for it.
local function makes_room(user, number)
  local name = newest_name(user)
  local place = name and load_place(name)
  if not place then
    return true
  end
  local newest = tonumber(name)
  local state = state_of(newest, place)
  if newest > number and (newest <= get('lost_to') or state ~= WAIT) then
    return false
  end
  if place.state ~= OVER then
    end_place(name, place, LEFT, now)
  end
  return true
end

-- Puts back the place of a pass that Redis has lost: it was signed, so it was there.
local function put_back(name, user, entry)
  local number = tonumber(name)
  local is_open = get('lost_at') > 0 and now < get('lost_at') + KEPT
  if not is_open or number <= get('lost_from') or number > get('lost_to') or number < get('closed_below')
    or redis.call('HEXISTS', PLACES, name) == 1 or not makes_room(user, number) then
    return nil
  end
  -- A UUIDv7 says when it was drawn; one that says nonsense is taken as drawn now.
  local drawn = struct.unpack('>I6', entry) * 1000
  if drawn > now or drawn < now - 24 * KEPT then
    drawn = now
  end
  local place = new_place(user, entry, drawn, UNKNOWN_WAIT, UNKNOWN_WAIT)
  put_in_line(name, number, place)
  return place
end

-- The place of a pass, or nothing when the pass is not that of the place.
local function place_of(name, user, entry)
  local place = load_place(name) or put_back(name, user, entry)
  return place and place.entry == entry and place.user == user and place
end

local function standing(name, user, entry)
  local place = place_of(name, user, entry)
  if not place then
    return struct.pack('<B', NOTHING)
  end
  local number = tonumber(name)
  return answer(KNOWN, number, place, see(name, number, place))
end

local function newest_of(user)
  local name = newest_name(user)
  return name, name and load_place(name)
end

local function find(user)
  local name, place = newest_of(user)
  if not place then
    return struct.pack('<B', NOTHING)
  end
  local number = tonumber(name)
  return answer(KNOWN, number, place, standing_of(name, number, place))
end

local function enter(name, user, entry)
  local place = place_of(name, user, entry)
  local state = place and state_of(tonumber(name), place) or OVER
  if state == ACTIVE then
    if place.claim > 0 then
      place.claim = 0
      keep_place(name, place)
      redis.call('ZADD', SESSIONS, place.ends, name)
    end
    return struct.pack('<B', LET_IN)
  end
  return struct.pack('<B', state == OVER and NOTHING or NOT_YET)
end

local function end_newest(user, only, reason)
  local name, place = newest_of(user)
  if not place or (only and place.entry ~= only) then
    return struct.pack('<B', NOTHING)
  end
  local number = tonumber(name)
  local before = standing_of(name, number, place)
  if before.state == OVER then
    return struct.pack('<B', NOTHING)
  end
  local answered = answer(KNOWN, number, place, before)
  end_place(name, place, reason, now)
  return answered
end

open_room()
local answers = {}
for index = 5, #ARGV do
  local request = ARGV[index]
  local kind, user, entry, flag = struct.unpack('<Bc16c16B', request)
  local name = string.sub(request, 35)
  local answered
  if kind == 1 then
    answered = join(user, entry, flag == 1)
  elseif kind == 2 then
    answered = standing(name, user, entry)
  elseif kind == 3 then
    answered = find(user)
  elseif kind == 4 then
    answered = enter(name, user, entry)
  elseif kind == 5 then
    answered = end_newest(user, nil, flag)
  else
    answered = end_newest(user, entry, flag)
  end
  answers[#answers + 1] = answered
end
save_room()
return answers
