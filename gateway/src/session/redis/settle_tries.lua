-- Gives one try of each thing back, or forgets all. KEYS: things, and what counts new ones. ARGV: for each
-- thing, in how many milliseconds one try grows back; 0 to forget
local begun, gone = KEYS[#KEYS], 0
for i = 1, #KEYS - 1 do
  local life = redis.call('PTTL', KEYS[i]) - ARGV[i]
  if ARGV[i] == '0' or life <= 0 then
    gone = gone + redis.call('DEL', KEYS[i])
  else
    redis.call('PEXPIRE', KEYS[i], string.format('%.0f', life))
  end
end
local before = tonumber(redis.call('GET', begun) or '0')
if gone > 0 and before > 0 then
  redis.call('SET', begun, string.format('%.0f', math.max(before - gone, 0)), 'KEEPTTL')
end
return 1
