-- Takes an attempt back, in the window that it was in. KEYS: 1 the count. Complexity: O(1).
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count > 1 then
  redis.call('DECR', KEYS[1])
elseif count == 1 then
  redis.call('DEL', KEYS[1])
end
return 0
