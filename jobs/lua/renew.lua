-- Renews the running claims of one worker and writes its heartbeat.
-- KEYS  1 heartbeats   2... askings
-- ARGV  1 worker's name ("" = no heartbeat)   2 claim's life ms   3... tokens, one per asking
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], now)
  redis.call('PEXPIRE', KEYS[1], 60000)
end
for i = 2, #KEYS do
  local f = redis.call('HMGET', KEYS[i], 'phase', 'token')
  if f[1] == 'running' and f[2] == ARGV[i + 1] then
    redis.call('HSET', KEYS[i], 'until', now + ARGV[2])
  end
end
return 1
