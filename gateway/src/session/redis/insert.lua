-- Keeps a session. KEYS: session, over, owner.
-- ARGV: prefix, id, record, tokens, owner, expiry, seen, over at, time to live, limit
local before = redis.call('HGET', KEYS[1], 'o')
if not before and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[10]) then
  return {0, redis.call('ZCARD', KEYS[2])}
end
redis.call('HSET', KEYS[1], 'r', ARGV[3], 't', ARGV[4], 'o', ARGV[5], 'e', ARGV[6], 'l', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[9])
if before and before ~= ARGV[5] then
  redis.call('SREM', ARGV[1] .. 'owner:' .. before, ARGV[2])
end
redis.call('ZADD', KEYS[2], ARGV[8], ARGV[2])
redis.call('SADD', KEYS[3], ARGV[2])
-- An index lives as long as what it names.
for _, index in ipairs({KEYS[2], KEYS[3]}) do
  if redis.call('PTTL', index) < tonumber(ARGV[9]) then
    redis.call('PEXPIRE', index, ARGV[9])
  end
end
return {1, redis.call('ZCARD', KEYS[2])}
