-- What newcomers are told of the wait. It is kept with their place, and judged when they are let in.
-- ARGV: 4 whether the line flows (1), 5 rate, 6 cap, 7 active, 8 hazard or -1, 9 share of those present. They are what
-- the calling instance knows; nothing is decided by them. Complexity: O(1).

-- The wait that is told to somebody with so many ahead: Forecast::wait.
local function told_wait(ahead)
  local is_flowing, rate, cap = ARGV[4] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])
  local active, hazard, present = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
  if not is_flowing or rate <= 0 then
    return UNKNOWN_WAIT, UNKNOWN_WAIT
  end
  local function around(seconds, least, most, slack)
    local function whole(number) return math.max(0, math.min(number, 1e9)) end
    return whole(math.floor(seconds * least)), whole(math.ceil(seconds * most + slack))
  end
  local people = (ahead + 1) * math.max(0, math.min(present, 1))
  local by_rate = people / rate
  local free = math.max(cap - active, 0)
  if people <= free then
    return around(by_rate, 0.85, 1.2, 3)
  end
  local turnover = hazard * cap
  if turnover <= 0 then
    return UNKNOWN_WAIT, UNKNOWN_WAIT
  end
  return around(math.max(by_rate, free / rate + (people - free) / turnover), 0.7, 1.4, 5)
end

