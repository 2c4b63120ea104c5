-- A task's first act: takes the fetch over, unless one runs, the page was stored since the task was enqueued, or the task
-- is too old for anybody to wait for it.
-- KEYS  1 asking
-- ARGV  1 token of its own   2 enqueued at (broker's unix ms)   3 running claim's life ms   4 asking's life ms   5 task's life ms
-- Answer: {} or {token, tries so far with this one, ms since the first try less what was waited for others,
--         ms since it was enqueued, ms since upstream's limits first held it back (0 = they did not), by what}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now - ARGV[2] > tonumber(ARGV[5]) then return {} end
local f = redis.call('HMGET', KEYS[1], 'phase', 'token', 'until', 'stored', 'tries', 'first_try', 'first', 'waited', 'held_since',
  'held_first', 'held_by', 'ended')
if f[1] == 'running' and (tonumber(f[3]) or 0) > now then return {} end
if f[4] and tonumber(f[4]) > tonumber(ARGV[2]) then return {} end
if f[12] then
  -- It was given up before this task came to it. What had no try begins anew; what had some is judged by them once more.
  redis.call('HDEL', KEYS[1], 'ended', 'lacked')
  if not f[6] then
    redis.call('HDEL', KEYS[1], 'problem', 'tries', 'first', 'waited', 'held_since', 'holds', 'held_first', 'held_by')
    for i = 5, 11 do f[i] = false end
  end
end
-- The token that stands is kept, lapsed or not: those who wait, wait on its stream.
local token = f[2] or ARGV[1]
local tries = (tonumber(f[5]) or 0) + 1
local first_try = tonumber(f[6]) or now
-- Before the first try nothing is counted, so nothing was waited for either.
local waited = (tonumber(f[8]) or 0) + (f[6] and f[9] and now - f[9] or 0)
redis.call('HSET', KEYS[1], 'phase', 'running', 'token', token, 'until', now + ARGV[3], 'tries', tries,
  'first_try', first_try, 'first', f[7] or now, 'waited', waited)
redis.call('HDEL', KEYS[1], 'held_since', 'holds')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local held = tonumber(f[10])
return {token, tries, now - first_try - waited, now - ARGV[2], held and math.max(1, now - held) or 0, f[11] or ''}
