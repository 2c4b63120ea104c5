-- Renews the running claims and the leases of one worker and writes its heartbeat.
-- KEYS  1 heartbeats   2... askings, then the sets of leases
-- ARGV  1 worker's name ("" = no heartbeat)   2 their life ms   3 how many askings   4... tokens, one for each key from 2 on
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], now)
  redis.call('PEXPIRE', KEYS[1], 60000)
  -- A worker that was killed takes its name with it.
  local beats = redis.call('HGETALL', KEYS[1])
  for i = 1, #beats, 2 do
    if now - (tonumber(beats[i + 1]) or 0) > 60000 then redis.call('HDEL', KEYS[1], beats[i]) end
  end
end
local askings = tonumber(ARGV[3])
for i = 2, #KEYS do
  local token = ARGV[i + 2]
  if i <= askings + 1 then
    local f = redis.call('HMGET', KEYS[i], 'phase', 'token')
    if f[1] == 'running' and f[2] == token then
      redis.call('HSET', KEYS[i], 'until', now + ARGV[2])
    end
  else
    -- A lease that lapsed may be somebody else's by now: it is never taken back.
    redis.call('ZADD', KEYS[i], 'XX', now + ARGV[2], token)
    redis.call('PEXPIRE', KEYS[i], ARGV[2])
  end
end
return 1
