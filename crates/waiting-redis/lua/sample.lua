-- Samples the share of those in line who are present, once a second over all instances.
-- ARGV after those of room.lua: none. Complexity: O(256 × log n), and no more than 256 places.

open_room()
local count = redis.call('ZCARD', WAITING)
local step = math.max(1, math.ceil(count / 256))
local looked_at, present = 0, 0
for rank = 0, count - 1, step do
  local name = redis.call('ZRANGE', WAITING, rank, rank)[1]
  local place = name and load_place(name)
  if place then
    looked_at = looked_at + 1
    local seconds = math.max(get('presence'), 2 * place.told)
    if now < math.max(place.seen, get('ready_at')) + seconds * SECOND then
      present = present + 1
    end
  end
end
local share = looked_at == 0 and 1 or present / looked_at
set('present', share)
save_room()
return math.floor(share * 1000000)
