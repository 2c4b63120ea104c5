-- Lets one worker walk on, if nobody walks through that bucket's list and few walk at all.
-- KEYS  1 who walks through the bucket   2 who walks at all
-- ARGV  1 a token   2 how long it lives unless renewed, ms   3 the most who may walk at all
-- Answer: 1 it may, 0 it may not
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
for i, most in ipairs({1, tonumber(ARGV[3])}) do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  if redis.call('ZCARD', KEYS[i]) >= most then return 0 end
end
for i = 1, 2 do
  redis.call('ZADD', KEYS[i], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
return 1
