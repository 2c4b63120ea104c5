-- A task's last act: wakes those who wait, and moves the asking on if it is still the task's own.
-- KEYS  1 asking   2 wake-up stream
-- ARGV  1 token   2 outcome: "stored", "failed" (the problem is kept elsewhere), "again" or "held" (no call was made)
--       3 problem (for "again"), or by what it was held back (for "held")   4 ms until it may be asked again   5 asking's life ms   6 stream's life ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('XADD', KEYS[2], 'MAXLEN', 1, '*', 'outcome', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if ARGV[2] == 'again' or ARGV[2] == 'held' then
  redis.call('HSET', KEYS[1], 'phase', 'failed', 'again', now + ARGV[4])
  -- Nor may an end that was told while this ran be kept for as long as what goes on: whoever asks next judges it anew.
  redis.call('HDEL', KEYS[1], 'token', 'until', 'ended', 'lacked')
  if ARGV[2] == 'again' then
    redis.call('HSET', KEYS[1], 'problem', ARGV[3])
    -- A call was made: what holds the next one back is counted from there.
    redis.call('HDEL', KEYS[1], 'held_first', 'held_by')
  else
    -- It was no try, and the time until the next one doesn't count.
    redis.call('HSET', KEYS[1], 'held_since', now, 'holds', ARGV[3])
    if redis.call('HSETNX', KEYS[1], 'held_first', now) == 1 then redis.call('HSET', KEYS[1], 'held_by', ARGV[3]) end
    if redis.call('HINCRBY', KEYS[1], 'tries', -1) == 0 then redis.call('HDEL', KEYS[1], 'first_try', 'waited') end
  end
else
  -- Only the moment stays, so that a task enqueued before it knows that it comes too late.
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'phase', ARGV[2], 'stored', now)
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
