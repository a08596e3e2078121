-- The lobby of a sale with a draw, and the way from it into the line (R-Q8).
--
-- Places in it are places like others, with numbers above ABOVE_LINE and no other states than waiting and over. `lobby` has
-- those that are not over, until it is settled who is in the draw (`cut`). From then on those up to the cut stay in it
-- whatever becomes of them, so that every instance reads the same list; whoever comes now has a number above. The numbers in
-- line of those who are drawn were set aside when it was settled: whoever is drawn at rank k, from 0, has `draw_first` + k.
-- What was drawn, and what was closed, is swept out of `lobby` by clean.lua.
-- Complexity: O(log n) with n in line for each place.

-- In the hash at once: were the script to fail further on, the number would still be used.
local function next_in_line()
  room.seq = redis.call('HINCRBY', ROOM, 'seq', 1)
  return room.seq
end

local function next_in_lobby()
  room.lobby_seq = redis.call('HINCRBY', ROOM, 'lobby_seq', 1)
  return last_in_lobby()
end

-- Gives the fan of a place in the lobby one in the line, under the same name and with the same signs of life.
local function move_to_line(number, place)
  local name = name_of(number)
  redis.call('ZADD', WAITING, number, name)
  keep_newest(place.user, name)
  keep_place(name, place)
end

-- Lets so many of the lobby follow into the line, in order of their numbers from `from` on. Answers how many were looked at.
local function follow(from, count)
  local names = redis.call('ZRANGEBYSCORE', LOBBY, name_of(from), '+inf', 'LIMIT', 0, count)
  for _, name in ipairs(names) do
    local place = load_place(name)
    if place and place.state == WAIT then
      move_to_line(next_in_line(), place)
      redis.call('HDEL', PLACES, name)
    else
      -- Of the draw, and out of the lobby already.
      set('out_of_draw', get('out_of_draw') - 1)
      if place and place.is_drawn then
        redis.call('HDEL', PLACES, name)
      end
    end
    redis.call('ZREM', LOBBY, name)
  end
  return #names
end

-- The same for those who came after it was settled who is in the draw.
local function follow_late(count)
  return follow(math.max(get('cut') + 1, get('lobby_closed_below')), count)
end

-- True once everybody in the draw was placed, or is over.
local function is_placed()
  local in_draw = redis.call('ZCOUNT', LOBBY, name_of(get('lobby_closed_below')), name_of(get('cut')))
  return get('cut') > 0 and in_draw == get('out_of_draw')
end
