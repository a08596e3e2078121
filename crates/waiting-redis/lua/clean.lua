-- Forgets places that have been over for an hour, one chunk a call.
--
-- ARGV after those of room.lua: 4 how many places this chunk may touch; 5 the cursor of the sweep, '0' at first.
-- Answers how many were forgotten, whether there is more to do, and the next cursor. A closing ends a line by its
-- numbers and notes nobody one by one; the places of a closed line are found by walking over all, in chunks, those of a
-- closed lobby in its set. What is left of a lobby that was drawn goes as well.
-- Nothing is forgotten while lost places are put back, or one that is over would be put back too.
-- Complexity: O(chunk × log n).

open_room()
local budget, cursor = tonumber(ARGV[4]), ARGV[5]
local before = now - KEPT
local gone, has_more = 0, 0

local function forget(name, place)
  redis.call('HDEL', PLACES, name)
  if newest_name(place.user) == name then
    forget_newest(place.user)
  end
  gone = gone + 1
end

-- Whether the list of a draw still needs a place.
local function is_listed(number)
  return is_of_lobby(number) and number <= get('cut') and number >= get('lobby_closed_below') and get('drawn') == 0
end

-- Takes places out of the lobby that were closed long ago, or drawn. Answers how many. Those that are noted as over are
-- forgotten with all others.
local function sweep_lobby(count)
  local closed, from, to = name_of(get('lobby_closed_below')), '-inf', '+inf'
  if get('lobby_closed_at') >= before then
    from = closed
  end
  if get('drawn') == 0 then
    to = '(' .. closed
  end
  local names = redis.call('ZRANGEBYSCORE', LOBBY, from, to, 'LIMIT', 0, count)
  for _, name in ipairs(names) do
    local place = load_place(name)
    if place and place.is_drawn then
      redis.call('HDEL', PLACES, name)
    elseif place and place.state ~= OVER then
      forget(name, place)
    end
    redis.call('ZREM', LOBBY, name)
  end
  return #names
end

local is_putting_back = get('lost_at') > 0 and now < get('lost_at') + KEPT
if not is_putting_back then
  local over = redis.call('ZRANGEBYSCORE', ENDED, '-inf', '(' .. name_of(before), 'LIMIT', 0, budget)
  for _, name in ipairs(over) do
    local place = load_place(name)
    if place and is_listed(tonumber(name)) then
      redis.call('ZADD', ENDED, now, name)
    else
      if place then
        forget(name, place)
      end
      redis.call('ZREM', ENDED, name)
    end
  end
  if #over == budget or sweep_lobby(budget - #over) > 0 then
    has_more = 1
  elseif get('closed_below') > get('swept_below') and get('closed_at') < before then
    local scanned = redis.call('HSCAN', PLACES, cursor, 'COUNT', budget)
    cursor = scanned[1]
    for index = 1, #scanned[2], 2 do
      local name, place = scanned[2][index], unpack_place(scanned[2][index + 1])
      if place.state <= SKIP and tonumber(name) < get('closed_below') then
        forget(name, place)
      end
    end
    if cursor == '0' then
      set('swept_below', get('closed_below'))
    else
      has_more = 1
    end
  end
end
save_room()
return { gone, has_more, cursor }
