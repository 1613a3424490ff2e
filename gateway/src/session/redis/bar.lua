-- Bars names whose sessions all end. KEYS: bars. ARGV: a word that was never used, time to live
for _, bar in ipairs(KEYS) do
  redis.call('SET', bar, ARGV[1], 'PX', ARGV[2])
end
return 1
