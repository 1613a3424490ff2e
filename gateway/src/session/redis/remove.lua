-- Removes sessions and tells all gateways, also of those that were gone: one may still know them.
-- KEYS: over, channel. ARGV: prefix, letter of the cause, id, id, …
local removed = 0
for i = 3, #ARGV do
  local session = ARGV[1] .. 'session:' .. ARGV[i]
  local owner = redis.call('HGET', session, 'o')
  removed = removed + redis.call('DEL', session)
  redis.call('ZREM', KEYS[1], ARGV[i])
  if owner then
    redis.call('SREM', ARGV[1] .. 'owner:' .. owner, ARGV[i])
  end
  redis.call('PUBLISH', KEYS[2], ARGV[2] .. ARGV[i])
end
return {removed, redis.call('ZCARD', KEYS[1])}
