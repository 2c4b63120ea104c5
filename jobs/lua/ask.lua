-- A reader misses something: joins the fetch that is under way, or claims the right to enqueue one.
-- KEYS  1 asking   2 the bucket's leases   3, 4 cool-downs of bucket and credential   5 the reader's budget ("" = none)
--       6 heartbeats of the workers
-- ARGV  1 token the reader would claim with   2 queued claim's life ms   3 asking's life ms   4 fetch deadline ms
--       5 patience ms without any try   6 unix ms before which an ended asking doesn't count   7 lane (0 = most urgent)
--       8 leases a bucket has   9 budget per minute   10 ms after which to ask for a lease again
--       11 ms without anybody asking after which a question is a new one   12 ms for which a heartbeat counts
-- Answer: {outcome, token, broker's unix ms, again at, first asked, tries, problem, 1 when it was stored a moment ago}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local f = redis.call('HMGET', KEYS[1], 'phase', 'token', 'until', 'again', 'first', 'tries', 'problem', 'first_try', 'ended',
  'stored', 'lane', 'waited', 'held_since', 'seen', 'lacked', 'holds')
local phase, token, lapses, again = f[1], f[2], tonumber(f[3]) or 0, tonumber(f[4]) or 0
local first, tries, problem, first_try, ended = tonumber(f[5]), tonumber(f[6]) or 0, f[7] or '', tonumber(f[8]), tonumber(f[9])
local lane, mine = tonumber(f[11]) or 0, tonumber(ARGV[7])
local held_since, seen = tonumber(f[13]), tonumber(f[14])
local waited = (tonumber(f[12]) or 0) + (held_since and now - held_since or 0)

local function answer(outcome, with)
  if outcome ~= 'refused' then redis.call('HSET', KEYS[1], 'seen', now) end
  return {outcome, with or '', now, again, first or now, tries, problem, f[10] and 1 or 0}
end

if (phase == 'queued' or phase == 'running') and lapses > now then
  -- A retry of this very call, after its answer was lost, finds its own token.
  if token == ARGV[1] and phase == 'queued' then return answer('claimed', token) end
  if phase == 'queued' and mine < lane then
    -- It waits in a queue behind people: whoever comes first takes the claim over, the other task quits.
    redis.call('HSET', KEYS[1], 'lane', mine)
    return answer('claimed', token)
  end
  return answer('joined', token)
end

local function has_worker()
  for _, beat in ipairs(redis.call('HVALS', KEYS[6])) do
    if now - (tonumber(beat) or 0) < tonumber(ARGV[12]) then return true end
  end
  return false
end

-- Until when it could not run, 0 if it could now: while the bucket or its credential cools down, and while all leases are out. By what
-- it is held back, and what the cool-down knows of it.
local function held_back()
  local until_then, why = 0, ''
  for i = 3, 4 do
    local c = redis.call('HMGET', KEYS[i], 'until', 'probe', 'problem')
    local quiet, probe = tonumber(c[1]) or 0, tonumber(c[2]) or 0
    if quiet > now or probe > now then
      until_then = math.max(until_then, quiet > now and quiet or math.min(probe, now + 300))
      if why == '' then why = c[3] or '' end
    end
  end
  if until_then > 0 then return until_then, 'cool', why end
  if redis.call('ZCOUNT', KEYS[2], '(' .. now, '+inf') >= tonumber(ARGV[8]) then return now + ARGV[10], 'lease', '' end
  return 0
end

-- Who comes back to what was left alone is owed a try of their own, not the end of one that nobody waited for. What ended for want of
-- a worker or a call goes on as soon as there is one, and costs nothing again.
local forgotten = first and now - (seen or first) > tonumber(ARGV[11])
local goes_on = ended and ((f[15] == 'worker' and has_worker()) or (f[15] == 'call' and held_back() == 0))
if forgotten or goes_on or (ended and ended <= tonumber(ARGV[6])) then
  redis.call('DEL', KEYS[1])
  first, tries, problem, first_try, ended, again, held_since, waited = nil, 0, '', nil, nil, 0, nil, 0
end
if not ended and first then
  -- An asking ends when its tries ran out of time, when no worker ever took it, or when others always were before it.
  local deadline, patience = tonumber(ARGV[4]), tonumber(ARGV[5])
  local unheard = not first_try and now - first > patience
  if unheard or (first_try and now - first_try - waited > deadline) or now - first > deadline + patience then
    local held = held_back() > 0
    -- A question that had to wait for others ends while it has to, not at the moment at which its turn has come.
    local waits_for_others = f[16] == 'cool' or f[16] == 'lease'
    if held or not (unheard and waits_for_others) or now - first > deadline + patience then
      ended = now
      redis.call('HSET', KEYS[1], 'ended', now)
      local lacked = not has_worker() and 'worker' or held and 'call'
      if lacked then redis.call('HSET', KEYS[1], 'lacked', lacked) end
      redis.call('PEXPIRE', KEYS[1], 10000)
    end
  end
end
if ended then return answer('ended') end

if not first and not goes_on and KEYS[5] ~= '' then
  -- A new question costs the reader one of so many a minute, whatever becomes of it.
  local most = tonumber(ARGV[9])
  local b = redis.call('HMGET', KEYS[5], 'left', 'at')
  local left = math.min(most, (tonumber(b[1]) or most) + (now - (tonumber(b[2]) or now)) * most / 60000)
  if left < 1 then
    again = now + math.ceil((1 - left) * 60000 / most)
    return answer('refused')
  end
  redis.call('HSET', KEYS[5], 'left', left - 1, 'at', now)
  redis.call('PEXPIRE', KEYS[5], 60000)
end

-- What was given back for want of a token in a lower lane says nothing to a more urgent one, nor does how long that waited.
local more_urgent = held_since and mine < lane
if again > now and not more_urgent then return answer('later') end
if more_urgent then redis.call('HDEL', KEYS[1], 'held_first', 'held_by') end

-- Nothing is enqueued that could not run.
local held_by, why
again, held_by, why = held_back()
if again > 0 then
  if problem == '' then problem = why end
  -- Waiting for others is no fault of this asking: its deadline stands still meanwhile.
  redis.call('HSET', KEYS[1], 'first', first or now, 'lane', mine, 'held_since', held_since or now, 'holds', held_by)
  -- Who is held back to the end without a try is told why.
  if problem ~= '' then redis.call('HSET', KEYS[1], 'problem', problem) end
  if redis.call('HSETNX', KEYS[1], 'held_first', now) == 1 then redis.call('HSET', KEYS[1], 'held_by', held_by) end
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return answer('later')
end

if not first then first = now end
redis.call('HSET', KEYS[1], 'phase', 'queued', 'token', ARGV[1], 'until', now + ARGV[2], 'first', first, 'lane', mine,
  'waited', first_try and waited or 0)
redis.call('HDEL', KEYS[1], 'again', 'held_since', 'holds')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return answer('claimed', ARGV[1])
