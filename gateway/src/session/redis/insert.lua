-- Keeps a session. KEYS: session, over, bar, bar, …
-- ARGV: prefix, id, record, tokens, names, expiry, seen, over at, time to live, limit,
-- and what each bar said when the sign-in began.
for i = 3, #KEYS do
  -- One that is gone has only become too old to matter.
  local word = redis.call('GET', KEYS[i])
  if word and word ~= ARGV[i + 8] then
    return {2, redis.call('ZCARD', KEYS[2])}
  end
end
local before = redis.call('HGET', KEYS[1], 'n')
if not before and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[10]) then
  return {0, redis.call('ZCARD', KEYS[2])}
end
for name in string.gmatch(before or '', string.rep('.', 43)) do
  redis.call('SREM', ARGV[1] .. 'owner:' .. name, ARGV[2])
end
redis.call('HSET', KEYS[1], 'r', ARGV[3], 't', ARGV[4], 'n', ARGV[5], 'e', ARGV[6], 'l', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[9])
redis.call('ZADD', KEYS[2], ARGV[8], ARGV[2])
local indexes = {KEYS[2]}
for name in string.gmatch(ARGV[5], string.rep('.', 43)) do
  local index = ARGV[1] .. 'owner:' .. name
  redis.call('SADD', index, ARGV[2])
  indexes[#indexes + 1] = index
end
-- An index lives as long as what it names.
for _, index in ipairs(indexes) do
  if redis.call('PTTL', index) < tonumber(ARGV[9]) then
    redis.call('PEXPIRE', index, ARGV[9])
  end
end
return {1, redis.call('ZCARD', KEYS[2])}
