-- Stores jobs by id, each only where nothing newer stands. A seed from a list never replaces the raw XML of a job that
-- was asked by itself at the same moment or later.
-- KEYS  one per job
-- ARGV  1 began (unix ms)   2 life ms   3... one blob per job
for i, key in ipairs(KEYS) do
  local began = redis.call('HGET', key, 'began')
  if not began or tonumber(began) < tonumber(ARGV[1]) then
    redis.call('HSET', key, 'began', ARGV[1], 'blob', ARGV[i + 2])
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return 1
