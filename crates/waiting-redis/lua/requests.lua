-- What fans ask, many at a time and in their order: join, in the line or in its lobby, standing, find, enter, end.
--
-- ARGV after those of room.lua: 4 the forecast, for forecast.lua; from 5 on one request each: its kind, the user,
-- the entry, a flag, the number in decimals. Answers one string each: a code, and behind it the standing if there is
-- one.
-- Complexity: O(log n) a request, which touches three places at the most; whoever calls sends at most 300.

local NOTHING, KNOWN, NEW, LET_IN, NOT_YET = 0, 1, 2, 3, 4
-- How many follow out of the lobby for each who comes into it at the end of a draw: more than one, so that it does end, however
-- many come.
local FOLLOW_EACH = 2

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

local function put_in_lobby(name, number, place)
  redis.call('ZADD', LOBBY, number, name)
  keep_newest(place.user, name)
  local standing = standing_of(name, number, place)
  place.told = standing.poll
  keep_place(name, place)
  return standing
end

local function new_in_line(user, entry)
  local low, high = told_wait(redis.call('ZCARD', WAITING))
  local number, place = next_in_line(), new_place(user, entry, now, low, high)
  return number, place, put_in_line(name_of(number), number, place)
end

-- A place in the lobby; in the line, once that was drawn.
local function new_in_lobby(user, entry)
  if get('drawn') == 1 then
    return new_in_line(user, entry)
  end
  if get('follows') == 1 then
    follow_late(FOLLOW_EACH)
  end
  local number, place = next_in_lobby(), new_place(user, entry, now, UNKNOWN_WAIT, UNKNOWN_WAIT)
  return number, place, put_in_lobby(name_of(number), number, place)
end

local function join(user, entry, may_join, new)
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
  return answer(NEW, new(user, entry))
end

-- Whether a fan's newest known place stands in the way of one that was lost. One given out since makes room for it.
local function makes_room(user, number)
  local name = newest_name(user)
  local place = name and load_place(name)
  if not place then
    return true
  end
  local newest = tonumber(name)
  local state, at = state_of(newest, place)
  local is_newer = newest > number
  if is_of_lobby(newest) then
    -- Older than any place in the line, unless it was put back, and has ended, since the loss.
    is_newer = at >= get('lost_at')
  end
  if is_newer and (newest <= get('lost_to') or state ~= WAIT) then
    return false
  end
  if place.state ~= OVER then
    end_place(name, place, LEFT, now)
  end
  return true
end

-- The same in the lobby. A place in the line came out of the lobby or after it: it stays.
local function makes_room_in_lobby(user, number, keeps_number)
  local name = newest_name(user)
  local place = name and load_place(name)
  if not place then
    return true
  end
  local newest = tonumber(name)
  local is_over = state_of(newest, place) == OVER
  if not is_of_lobby(newest) or newest > number and (newest <= get('lobby_lost_to') or is_over) then
    return false
  elseif is_over then
    return true
  elseif not keeps_number then
    return false
  end
  end_place(name, place, LEFT, now)
  return true
end

-- When the place of a pass was given out: a UUIDv7 says when it was drawn; one that says nonsense is taken as drawn now.
local function joined_at(entry)
  local drawn = struct.unpack('>I6', entry) * 1000
  if drawn > now or drawn < now - 24 * KEPT then
    return now
  end
  return drawn
end

-- Puts back the place of a pass from the lobby that Redis has lost: at its number, unless that is below the cut of a draw, whose
-- list must not change; then behind everybody, in the lobby or, once that was drawn, in the line.
local function put_back_in_lobby(name, user, entry)
  local number = tonumber(name)
  local keeps_number = get('drawn') == 0 and number > get('cut')
  if number <= get('lobby_lost_from') or number > get('lobby_lost_to') or number < get('lobby_closed_below')
    or redis.call('HEXISTS', PLACES, name) == 1 or not makes_room_in_lobby(user, number, keeps_number) then
    return nil
  end
  local place = new_place(user, entry, joined_at(entry), UNKNOWN_WAIT, UNKNOWN_WAIT)
  if get('drawn') == 1 then
    number = next_in_line()
    put_in_line(name_of(number), number, place)
  else
    number = keeps_number and number or next_in_lobby()
    put_in_lobby(name_of(number), number, place)
  end
  return name_of(number), place
end

-- Puts back the place of a pass that Redis has lost: it was signed, so it was there.
local function put_back(name, user, entry)
  local number = tonumber(name)
  if get('lost_at') == 0 or now >= get('lost_at') + KEPT then
    return nil
  elseif is_of_lobby(number) then
    return put_back_in_lobby(name, user, entry)
  elseif number <= get('lost_from') or number > get('lost_to') or number < get('closed_below')
    or redis.call('HEXISTS', PLACES, name) == 1 or not makes_room(user, number) then
    return nil
  end
  local place = new_place(user, entry, joined_at(entry), UNKNOWN_WAIT, UNKNOWN_WAIT)
  put_in_line(name, number, place)
  return name, place
end

local function newest_of(user)
  local name = newest_name(user)
  return name, name and load_place(name)
end

-- The place of a pass with its name, or nothing when the pass is not that of the place. One from the lobby is that of the place
-- in the line that came of it, which has the same entry.
local function place_of(name, user, entry)
  local number = tonumber(name)
  if is_of_lobby(number) and number <= last_in_lobby() then
    local newest, place = newest_of(user)
    if place and place.entry == entry then
      return newest, place
    end
  end
  local place = load_place(name)
  if not place then
    name, place = put_back(name, user, entry)
  end
  if place and place.entry == entry and place.user == user then
    return name, place
  end
  return nil
end

local function standing(name, user, entry)
  local found, place = place_of(name, user, entry)
  if not found then
    return struct.pack('<B', NOTHING)
  end
  local number = tonumber(found)
  return answer(KNOWN, number, place, see(found, number, place))
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
  local found, place = place_of(name, user, entry)
  local state = found and state_of(tonumber(found), place) or OVER
  if state == ACTIVE then
    if place.claim > 0 then
      place.claim = 0
      keep_place(found, place)
      redis.call('ZADD', SESSIONS, place.ends, found)
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
    answered = join(user, entry, flag == 1, new_in_line)
  elseif kind == 2 then
    answered = standing(name, user, entry)
  elseif kind == 3 then
    answered = find(user)
  elseif kind == 4 then
    answered = enter(name, user, entry)
  elseif kind == 5 then
    answered = end_newest(user, nil, flag)
  elseif kind == 6 then
    answered = end_newest(user, entry, flag)
  else
    answered = join(user, entry, flag == 1, new_in_lobby)
  end
  answers[#answers + 1] = answered
end
save_room()
return answers
