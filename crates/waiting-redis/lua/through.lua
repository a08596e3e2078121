-- Notes up to which position the ends of sessions were applied. Never back. Complexity: O(1).
-- KEYS: 1 the hash of what is no room's. ARGV: 1 the position.
local known = tonumber(redis.call('HGET', KEYS[1], 'sessions_through') or '0')
if tonumber(ARGV[1]) > known then
  redis.call('HSET', KEYS[1], 'sessions_through', ARGV[1])
end
return 1
