-- Stores a job that was asked by itself, unless something newer stands there.
-- KEYS  1 job
-- ARGV  1 began (unix ms)   2 life ms   3 blob
local began = tonumber(redis.call('HGET', KEYS[1], 'began') or nil)
-- No call takes a minute: what began so much later was stored by a clock that was wrong.
if began and began >= tonumber(ARGV[1]) and began < ARGV[1] + 60000 then return 0 end
redis.call('HSET', KEYS[1], 'began', ARGV[1], 'blob', ARGV[3])
redis.call('HDEL', KEYS[1], 'page')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
