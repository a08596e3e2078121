-- What newcomers are told of the wait. It is kept with their place, and judged when they are let in.
-- ARGV 4, numbers of eight bytes: the share of those present, how many can be let in before the seats are gone, and of
-- each bend of the forecast how many people, the least and the most seconds. Empty when nobody can say. It is what the
-- calling instance knows; nothing is decided by it. Complexity: O(bends), of which there are about fifty.

local bends

local function read_bends()
  bends = {}
  for at = 17, #ARGV[4], 24 do
    local people, low, high = struct.unpack('<ddd', ARGV[4], at)
    bends[#bends + 1] = { people = people, low = low, high = high }
  end
end

-- The wait that is told to somebody with so many ahead: Forecast::wait.
local function told_wait(ahead)
  if #ARGV[4] == 0 then
    return UNKNOWN_WAIT, UNKNOWN_WAIT
  end
  local present, lasting = struct.unpack('<dd', ARGV[4])
  local people = (ahead + 1) * math.max(0, math.min(present, 1))
  if people > lasting then
    return UNKNOWN_WAIT, UNKNOWN_WAIT
  end
  if not bends then
    read_bends()
  end
  local index = 2
  while index < #bends and bends[index].people <= people do
    index = index + 1
  end
  local before, after = bends[index - 1], bends[index]
  local share = (people - before.people) / (after.people - before.people)
  local function whole(number) return math.max(0, math.min(number, 1e9)) end
  local low = whole(math.floor(before.low + (after.low - before.low) * share))
  local high = whole(math.ceil(before.high + (after.high - before.high) * share))
  return low, math.min(high, 2 * low + 30)
end

