-- Moves the last use of sessions forward. KEYS: over. ARGV: prefix, idle, id, seen, id, seen, …
local idle = tonumber(ARGV[2])
for i = 3, #ARGV, 2 do
  local session = ARGV[1] .. 'session:' .. ARGV[i]
  local row = redis.call('HMGET', session, 'l', 'e')
  local seen = tonumber(ARGV[i + 1])
  if row[1] and seen > tonumber(row[1]) then
    redis.call('HSET', session, 'l', ARGV[i + 1])
    local over = math.min(seen + idle, tonumber(row[2]))
    redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', over), ARGV[i])
  end
end
return 1
