-- Writes another record and other tokens of a session that is there, and tells of another record.
-- KEYS: session, changed. ARGV: id, record, tokens, who does it
local before = redis.call('HGET', KEYS[1], 'r')
if not before then
  return 0
end
redis.call('HSET', KEYS[1], 'r', ARGV[2], 't', ARGV[3])
if before ~= ARGV[2] then
  redis.call('PUBLISH', KEYS[2], ARGV[1] .. ' ' .. ARGV[4])
end
return 1
