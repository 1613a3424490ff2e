-- The sessions of one name; forgets those that time has taken. KEYS: index. ARGV: prefix
local alive = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', ARGV[1] .. 'session:' .. id) == 1 then
    alive[#alive + 1] = id
  else
    redis.call('SREM', KEYS[1], id)
  end
end
return alive
