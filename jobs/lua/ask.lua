-- A reader misses something: joins the fetch that is under way, or claims the right to enqueue one.
-- KEYS  1 asking
-- ARGV  1 token the reader would claim with   2 queued claim's life ms   3 asking's life ms   4 fetch deadline ms
--       5 patience ms without any try   6 unix ms before which an ended asking doesn't count
-- Answer: {outcome, token, broker's unix ms, again at, first asked, tries, problem, 1 when it was stored a moment ago}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local f = redis.call('HMGET', KEYS[1], 'phase', 'token', 'until', 'again', 'first', 'tries', 'problem', 'first_try', 'ended', 'stored')
local phase, token, lapses, again = f[1], f[2], tonumber(f[3]) or 0, tonumber(f[4]) or 0
local first, tries, problem, first_try, ended = tonumber(f[5]), tonumber(f[6]) or 0, f[7] or '', tonumber(f[8]), tonumber(f[9])

local function answer(outcome, with)
  return {outcome, with or '', now, again, first or now, tries, problem, f[10] and 1 or 0}
end

if (phase == 'queued' or phase == 'running') and lapses > now then
  -- A retry of this very call, after its answer was lost, finds its own token.
  if token == ARGV[1] and phase == 'queued' then return answer('claimed', token) end
  return answer('joined', token)
end

if ended and ended <= tonumber(ARGV[6]) then
  redis.call('DEL', KEYS[1])
  first, tries, problem, first_try, ended, again = nil, 0, '', nil, nil, 0
end
if not ended and first then
  -- An asking ends when its tries ran out of time, or when no worker ever took it.
  if (first_try and now - first_try > tonumber(ARGV[4])) or (not first_try and now - first > tonumber(ARGV[5])) then
    ended = now
    redis.call('HSET', KEYS[1], 'ended', now)
    redis.call('PEXPIRE', KEYS[1], 10000)
  end
end
if ended then return answer('ended') end
if again > now then return answer('later') end

if not first then first = now end
redis.call('HSET', KEYS[1], 'phase', 'queued', 'token', ARGV[1], 'until', now + ARGV[2], 'first', first)
redis.call('HDEL', KEYS[1], 'again')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
again = 0
return answer('claimed', ARGV[1])
