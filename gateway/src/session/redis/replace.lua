-- Writes another record, other tokens and other names of a session that is there, and tells of another
-- record. KEYS: session, changed. ARGV: prefix, id, record, tokens, names, who does it
local before = redis.call('HMGET', KEYS[1], 'r', 'n')
if not before[1] then
  return 0
end
local function each(names, call)
  for name in string.gmatch(names or '', string.rep('.', 43)) do
    call(name, ARGV[1] .. 'owner:' .. name)
  end
end
local had, has = {}, {}
each(before[2], function(name) had[name] = true end)
each(ARGV[5], function(name) has[name] = true end)
each(before[2], function(name, index)
  if not has[name] then
    redis.call('SREM', index, ARGV[2])
  end
end)
-- An index lives as long as what it names.
local life = redis.call('PTTL', KEYS[1])
each(ARGV[5], function(name, index)
  if not had[name] then
    redis.call('SADD', index, ARGV[2])
    if life > 0 and redis.call('PTTL', index) < life then
      redis.call('PEXPIRE', index, life)
    end
  end
end)
redis.call('HSET', KEYS[1], 'r', ARGV[3], 't', ARGV[4], 'n', ARGV[5])
if before[1] ~= ARGV[3] then
  redis.call('PUBLISH', KEYS[2], ARGV[2] .. ' ' .. ARGV[6])
end
return 1
