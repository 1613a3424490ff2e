-- Removes sessions that are over, a few in one call: nobody else is served meanwhile.
-- KEYS: over, channel. ARGV: prefix, now, idle, most
local now, idle = tonumber(ARGV[2]), tonumber(ARGV[3])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, ARGV[4])
local ended = {}
for _, id in ipairs(due) do
  local session = ARGV[1] .. 'session:' .. id
  local row = redis.call('HMGET', session, 'e', 'l', 'n', 'o')
  local why
  if row[1] then
    local expiry, seen = tonumber(row[1]), tonumber(row[2])
    if now >= expiry then
      why = 'a'
    elseif now - seen >= idle then
      why = 'i'
    else
      redis.call('ZADD', KEYS[1], string.format('%.0f', math.min(seen + idle, expiry)), id)
    end
  else
    redis.call('ZREM', KEYS[1], id)
  end
  if why then
    redis.call('DEL', session)
    redis.call('ZREM', KEYS[1], id)
    for name in string.gmatch(row[3] or row[4] or '', string.rep('.', 43)) do
      redis.call('SREM', ARGV[1] .. 'owner:' .. name, id)
    end
    redis.call('PUBLISH', KEYS[2], why .. id)
    ended[#ended + 1] = why .. id
  end
end
return {#due, redis.call('ZCARD', KEYS[1]), ended}
