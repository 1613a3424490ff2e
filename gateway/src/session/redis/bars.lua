-- The words of bars, empty where there is none. KEYS: bars
local words = {}
for i, bar in ipairs(KEYS) do
  words[i] = redis.call('GET', bar) or ''
end
return words
