-- Takes one try of each thing, or none; how many milliseconds are to be waited. The life of a key is the time
-- in which its tries grow back, so that there is one clock for all. KEYS: things, and what counts new ones.
-- ARGV: for each thing, in how many milliseconds one try grows back, and in how many all do; behind them, how
-- many may be new in that time: a flood of names must not fill the server, which would end sign-ins
local begun, most = KEYS[#KEYS], tonumber(ARGV[#ARGV])
local lives, wait, fresh, window = {}, 0, 0, 0
for i = 1, #KEYS - 1 do
  local left = redis.call('PTTL', KEYS[i])
  if left < 0 then
    fresh = fresh + 1
  end
  lives[i] = math.max(left, 0) + ARGV[2 * i - 1]
  wait = math.max(wait, lives[i] - ARGV[2 * i])
  window = math.max(window, tonumber(ARGV[2 * i]))
end
if wait > 0 then
  return wait
end
if fresh > 0 then
  local before = tonumber(redis.call('GET', begun) or '0')
  if before + fresh > most then
    return redis.error_reply('TRIES too many names are being tried')
  elseif before > 0 then
    redis.call('SET', begun, string.format('%.0f', before + fresh), 'KEEPTTL')
  else
    redis.call('SET', begun, string.format('%.0f', fresh), 'PX', string.format('%.0f', window))
  end
end
for i = 1, #KEYS - 1 do
  redis.call('SET', KEYS[i], '', 'PX', string.format('%.0f', lives[i]))
end
return 0
