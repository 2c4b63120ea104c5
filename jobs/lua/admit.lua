-- Lets one call to Cloud Infinite go out, or says how long nothing can: cool-downs, leases and tokens in one step.
-- KEYS  1 the bucket's leases   2, 3 cool-downs of bucket and credential   4, 5 tokens of bucket and credential
--       6 the lane's leases   7, 8 the lane's own tokens of bucket and credential ("" = it has none of its own)
-- ARGV  1 lease   2 lease's life ms   3 leases a bucket has   4 "1" for a lane below a person's
--       5 a probe's life ms   6, 7 tokens a second of bucket and credential (0 = no limit)   8 ms after which to ask for a
--       lease again   9 seconds' worth of tokens in a burst   10 "1" when the lease is held already
--       11 leases the lane has
-- Answer: {"go"} or {"cool" | "lease" | "token", ms until it may be tried again}
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local probes = {}
for i = 2, 3 do
  local c = redis.call('HMGET', KEYS[i], 'until', 'probe', 'prober')
  local quiet, probe = tonumber(c[1]), tonumber(c[2]) or 0
  if quiet and c[3] ~= ARGV[1] then
    if quiet > now then return {'cool', math.ceil(quiet - now)} end
    if probe > now then return {'cool', math.ceil(math.min(probe - now, 300))} end
    probes[#probes + 1] = KEYS[i]
  end
end

if ARGV[10] ~= '1' then
  for key, most in pairs({[KEYS[1]] = ARGV[3], [KEYS[6]] = ARGV[11]}) do
    if key ~= '' then
      redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
      if redis.call('ZCARD', key) >= tonumber(most) then return {'lease', tonumber(ARGV[8])} end
    end
  end
end

local left = {}
for i, per_second in pairs({[4] = ARGV[6], [5] = ARGV[7], [7] = ARGV[6], [8] = ARGV[7]}) do
  -- A lane's own tokens come half as fast: whatever it asks, the other half is for others.
  local own = i > 6
  local rate = tonumber(per_second) / (own and 2000 or 1000)
  if rate > 0 and KEYS[i] ~= '' then
    local burst = rate * 1000 * ARGV[9]
    if own then burst = math.max(1, burst) end
    local t = redis.call('HMGET', KEYS[i], 'left', 'at')
    left[i] = math.min(burst, (tonumber(t[1]) or burst) + (now - (tonumber(t[2]) or now)) * rate)
    -- Who can wait leaves half of the burst to people.
    local needed = ARGV[4] == '1' and not own and math.max(1, burst / 2) or 1
    if left[i] < needed then return {'token', math.ceil((needed - left[i]) / rate)} end
  end
end
for i, tokens in pairs(left) do
  redis.call('HSET', KEYS[i], 'left', tokens - 1, 'at', now)
  redis.call('PEXPIRE', KEYS[i], 60000)
end

if ARGV[10] ~= '1' then
  for _, key in ipairs({KEYS[1], KEYS[6]}) do
    if key ~= '' then
      redis.call('ZADD', key, now + ARGV[2], ARGV[1])
      redis.call('PEXPIRE', key, ARGV[2])
    end
  end
end
-- The first call after a cool-down is the probe; the others wait for what it finds.
for _, key in ipairs(probes) do
  redis.call('HSET', key, 'probe', now + ARGV[5], 'prober', ARGV[1])
end
return {'go'}
