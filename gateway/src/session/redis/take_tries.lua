-- Takes one try of each thing, or none; how many milliseconds are to be waited. The life of a key is the time
-- in which its tries grow back, so that there is one clock for all. KEYS: things. ARGV: for each thing, in how
-- many milliseconds one try grows back, and in how many all do
local lives, wait = {}, 0
for i, key in ipairs(KEYS) do
  lives[i] = math.max(redis.call('PTTL', key), 0) + ARGV[2 * i - 1]
  wait = math.max(wait, lives[i] - ARGV[2 * i])
end
if wait > 0 then
  return wait
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, '', 'PX', string.format('%.0f', lives[i]))
end
return 0
