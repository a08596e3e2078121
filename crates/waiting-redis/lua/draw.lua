-- The steps of a draw, each of which changes nothing when it is repeated, by whichever instance.
--
-- ARGV after those of room.lua: 4 the step; 5 the cut by which the caller goes, 0 when it knows of none; and for
--   settle  nothing more. Settles who is in the draw
--   list    6 the number behind which to begin, 7 how many places at most. Lists the draw
--   place   6 how many were drawn before these, 7 the numbers of these in the lobby, eight bytes each
--   finish  6 how many places this chunk may touch. Lets those follow who came later, and ends the draw
-- Answers how the draw stands, the cut, and the list: a number of eight bytes and the entry for each place.
-- Complexity: O(log n) with n in line for each place. Settling is O(log n).

local DRAWING, DONE, LOST = 0, 1, 2

local function settle()
  if get('cut') > 0 then
    return
  end
  local count = how_many_in_lobby()
  set('cut', last_in_lobby())
  set('draw_first', get('seq') + 1)
  if count > 0 then
    room.seq = redis.call('HINCRBY', ROOM, 'seq', count)
  end
end

-- The entry of a place, without unpacking the rest of it.
local function entry_of(packed)
  if #packed == IN_LINE_BYTES then
    return string.sub(packed, 2, 17)
  end
  return string.sub(packed, 1, 16)
end

local function list(after, count)
  local from = math.max(after + 1, get('lobby_closed_below'))
  local names =
    redis.call('ZRANGEBYSCORE', LOBBY, name_of(from), name_of(get('cut')), 'LIMIT', 0, count)
  if #names == 0 then
    return ''
  end
  local listed = redis.call('HMGET', PLACES, unpack(names))
  for index, name in ipairs(names) do
    local packed = listed[index]
    listed[index] = packed and struct.pack('<I8', tonumber(name)) .. entry_of(packed) or ''
  end
  return table.concat(listed)
end

local function place_drawn(rank, numbers)
  for index = 0, #numbers / 8 - 1 do
    local number = struct.unpack('<I8', numbers, 8 * index + 1)
    local name = name_of(number)
    local place = number <= get('cut') and load_place(name)
    if place and state_of(number, place) == WAIT then
      move_to_line(get('draw_first') + rank + index, place)
      redis.call('HSET', PLACES, name, place.entry)
      set('out_of_draw', get('out_of_draw') + 1)
    end
  end
end

-- Ends the draw where nobody is left, in the same run: whoever comes from now on is in line behind everybody. Where many are
-- left, those who come help.
local function finish(count)
  if follow_late(count) < count then
    set('drawn', 1)
  else
    set('follows', 1)
  end
end

-- Whether Redis has lost something of the draw by which the caller goes: all of it, or some of those who were placed. The
-- numbers of another draw must not be given out in the order of this one, and nobody may be left behind.
local function has_lost(step, known)
  if known > 0 and known ~= get('cut') then
    return true
  end
  return step == 'finish' and not is_placed()
end

open_room()
local step, known, listed = ARGV[4], tonumber(ARGV[5]), ''
local stage = DRAWING
if step == 'settle' and get('drawn') == 0 then
  settle()
elseif get('drawn') == 0 then
  if has_lost(step, known) then
    stage = LOST
  elseif step == 'list' then
    listed = list(tonumber(ARGV[6]), tonumber(ARGV[7]))
  elseif step == 'place' then
    place_drawn(tonumber(ARGV[6]), ARGV[7])
  else
    finish(tonumber(ARGV[6]))
  end
end
if get('drawn') == 1 then
  stage = DONE
end
save_room()
return { stage, get('cut'), listed }
