-- Charges a reader once for a question to several buckets, however often it is asked while it is being answered.
-- KEYS  1 the reader's budget   2 the mark that this question is paid for
-- ARGV  1 price   2 budget per minute   3 ms for which it stays paid
-- Answer: 0 paid, else ms until there is enough
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local most = tonumber(ARGV[2])
-- What costs more than there can ever be costs all of it.
local price = math.min(tonumber(ARGV[1]), most)
local b = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = math.min(most, (tonumber(b[1]) or most) + (now - (tonumber(b[2]) or now)) * most / 60000)
if left < price then return math.ceil((price - left) * 60000 / most) end
redis.call('HSET', KEYS[1], 'left', left - price, 'at', now)
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
return 0
