-- Counts an attempt, unless there were as many as the limit. KEYS: 1 the count. ARGV: 1 the limit, 2 the window in
-- milliseconds, which begins with the first. Answers 0, or in how many milliseconds the window ends. Complexity: O(1).
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then
  return math.max(redis.call('PTTL', KEYS[1]), 1)
end
if redis.call('INCR', KEYS[1]) == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
