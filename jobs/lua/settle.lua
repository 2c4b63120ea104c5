-- Gives a lease back and lets bucket and credential cool down, or be well again, by what the call found.
-- KEYS  1 the bucket's leases   2, 3 cool-downs of bucket and credential   4 buckets of the credential throttled lately
--       5 the lane's leases ("" = it has none of its own)
-- ARGV  1 lease   2 outcome: "well", "throttled" or "unknown" (no answer tells)   3 bucket   4 problem   5 jitter (about 1)
--       6 first cool-down ms   7 longest ms   8 ms within which a second bucket concerns the credential
-- Answer: ms that the bucket cools down from now on
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', KEYS[1], ARGV[1])
if KEYS[5] ~= '' then redis.call('ZREM', KEYS[5], ARGV[1]) end

local function cool(key)
  local c = redis.call('HMGET', key, 'until', 'began', 'level')
  local quiet = tonumber(c[1]) or 0
  if quiet > now then return quiet - now end -- a call that was out already: it tells nothing new
  local began, level = tonumber(c[2]) or now, (tonumber(c[3]) or -1) + 1
  local length = ARGV[6] * 2 ^ math.min(level, 20) * ARGV[5]
  -- Never longer than three quarters of what the storm has lasted: what was short is soon forgotten, and with the probe and
  -- the calls behind it all is well again in no longer than the storm took.
  length = math.floor(math.min(length, ARGV[7], math.max(ARGV[6] * ARGV[5], (now - began) * 0.75)))
  redis.call('HSET', key, 'until', now + length, 'began', began, 'level', level, 'problem', ARGV[4])
  redis.call('HDEL', key, 'probe', 'prober')
  redis.call('PEXPIRE', key, length + 60000)
  return length
end

if ARGV[2] == 'throttled' then
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ARGV[8])
  redis.call('ZADD', KEYS[4], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[8])
  if redis.call('ZCARD', KEYS[4]) > 1 then cool(KEYS[3]) end
  return cool(KEYS[2])
end
for i = 2, 3 do
  if redis.call('HGET', KEYS[i], 'prober') == ARGV[1] then
    if ARGV[2] == 'well' then redis.call('DEL', KEYS[i]) else redis.call('HDEL', KEYS[i], 'probe', 'prober') end
  end
end
return 0
