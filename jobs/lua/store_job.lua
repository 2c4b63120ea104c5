-- Stores a job that was asked by itself, unless something newer stands there.
-- KEYS  1 job
-- ARGV  1 began (unix ms)   2 life ms   3 blob
local began = redis.call('HGET', KEYS[1], 'began')
if began and tonumber(began) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'began', ARGV[1], 'blob', ARGV[3])
redis.call('HDEL', KEYS[1], 'page')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
