-- Gives one try of each thing back, or forgets all. KEYS: things. ARGV: for each thing, in how many
-- milliseconds one try grows back; 0 to forget
for i, key in ipairs(KEYS) do
  local life = redis.call('PTTL', key) - ARGV[i]
  if ARGV[i] == '0' or life <= 0 then
    redis.call('DEL', key)
  else
    redis.call('PEXPIRE', key, string.format('%.0f', life))
  end
end
return 1
