-- Reserves a session for one holder. KEYS: lease. ARGV: holder, milliseconds
local before = redis.call('GET', KEYS[1])
if before and before ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
