-- Stores one page with its chain's change and where its jobs are found, and moves the head, in one step.
-- KEYS  1 page   2 chain   3 head ("" when the head stays)   4 what a job's key begins with
-- ARGV  1 began (unix ms at which the question was sent)   2 pin   3 place   4 meta   5 rows
--       6 continuation ("" = none)   7 its place   8 short life ms   9 long life ms   10 "1" when a person asked
--       11 doubts   12, 13 first and last row's creation time, unix seconds ("" = the order is not proven)
--       14 "1" when the newest come first   15 rows received   16 continuation in place of 6 if the list moved ("" = none)
--       17 its place   18... JobIds in the order of the rows
-- Answer: 1 stored, 0 a newer one stands there
local STRAY, IDS, IDLE_PAGES = 1000000, 18, 3
local began = tonumber(redis.call('HGET', KEYS[1], 'began') or nil)
-- No call takes a minute: what began so much later was stored by a clock that was wrong.
if began and began >= tonumber(ARGV[1]) and began < ARGV[1] + 60000 then return 0 end

-- Which page of the chain is it? Without a record we can't know, and repeats stay.
local place, n = ARGV[3], 1
if place ~= 'first' then
  n = tonumber(redis.call('HGET', KEYS[2], 't:' .. place) or nil)
  -- A place that the chain has never heard of (its record is gone, or was begun anew) begins a count of its own, so that what
  -- follows it is free of repeats and can't loop; and far from the others', for what it leads to is not what the chain's own
  -- page of that number leads to.
  if not n then
    n = redis.call('HINCRBY', KEYS[2], 'strays', 1) * STRAY
    redis.call('HSET', KEYS[2], 't:' .. place, n)
  end
end
local own = math.floor(n / STRAY) * STRAY

-- A row repeats iff the chain knows its JobId from an earlier page.
local repeats, new = {}, 0
local fields, first_seen = {}, {}
for i = IDS, #ARGV do fields[#fields + 1] = 'j:' .. ARGV[i] end
local pages = #fields > 0 and redis.call('HMGET', KEYS[2], unpack(fields)) or {}
for i = IDS, #ARGV do
  local known = ARGV[i] ~= '' and tonumber(pages[i - IDS + 1] or nil)
  if known and known < n and known >= own then
    repeats[#repeats + 1] = tostring(i - IDS)
  else
    new = new + 1
    if ARGV[i] ~= '' and (not known or known > n) then
      first_seen[#first_seen + 1] = fields[i - IDS + 1]
      first_seen[#first_seen + 1] = n
    end
  end
end
if #first_seen > 0 then redis.call('HSET', KEYS[2], unpack(first_seen)) end

-- Did the list move? A row came again, or the page begins before the one before it ended.
local before, first = tonumber(redis.call('HGET', KEYS[2], 'l:' .. (n - 1)) or nil), tonumber(ARGV[12])
local begins_before = before and first and ((ARGV[14] == '1' and first > before) or (ARGV[14] ~= '1' and first < before))
local recorded = redis.call('HGET', KEYS[2], 'c:' .. (n + 1))
local mends = not recorded and ARGV[16] ~= '' and (#repeats > 0 or begins_before)

-- How many pages running brought nothing new? One or two prove no end: rows may follow a page that is empty or only repeats.
-- But a server that leads on for ever would never let the list end.
local idle = 0
if new == 0 then
  idle = 1 + (tonumber(redis.call('HGET', KEYS[2], 'e:' .. (n - 1)) or nil) or 0)
  redis.call('HSET', KEYS[2], 'e:' .. n, idle)
else
  redis.call('HDEL', KEYS[2], 'e:' .. n)
end

-- How does it go on? What the chain has recorded stands, so that pages already read stay joined.
local continuation, next_place, ending = ARGV[6], ARGV[7], ''
if mends then continuation, next_place = ARGV[16], ARGV[17] end
local known_place = next_place ~= '' and tonumber(redis.call('HGET', KEYS[2], 't:' .. next_place) or nil)
local same_count = known_place and known_place >= own and known_place < own + STRAY
if recorded then
  continuation, next_place = recorded, redis.call('HGET', KEYS[2], 'p:' .. (n + 1))
elseif continuation == '' then
  ending = 'missing'
elseif idle >= IDLE_PAGES then
  ending = 'no_new_rows'
elseif next_place == place or same_count then
  ending = 'repeated'
elseif known_place and known_place < own then
  -- It leads back into the chain, which knows how to go on from there.
else
  -- A stray place that is reached after all is counted, and fetched, anew.
  if known_place then redis.call('DEL', string.sub(KEYS[1], 1, #KEYS[1] - #place) .. next_place) end
  redis.call('HSET', KEYS[2], 'c:' .. (n + 1), continuation, 'p:' .. (n + 1), next_place, 't:' .. next_place, n + 1)
end
if ending ~= '' then continuation, next_place = '', '' end

-- What is proven, here and up to here? Where the list moved and isn't mended, its order is not.
local doubts, so_far = ARGV[11], ''
if begins_before and #repeats == 0 and not mends and not string.find(doubts, 'order', 1, true) then
  doubts = doubts == '' and 'order' or doubts .. ',order'
end
-- A page without rows leaves the list where it was.
local last = ARGV[15] == '0' and before or ARGV[13]
if last ~= '' then redis.call('HSET', KEYS[2], 'l:' .. n, last) end
local sum = n > 1 and redis.call('HGET', KEYS[2], 's:' .. (n - 1)) or (n == 1 and '0 0 ')
if sum then
  local received, unique, all = string.match(sum, '^(%d+) (%d+) (.*)$')
  for doubt in string.gmatch(doubts, '[^,]+') do
    if not string.find(all, doubt, 1, true) then all = all == '' and doubt or all .. ',' .. doubt end
  end
  so_far = (received + ARGV[15]) .. ' ' .. (unique + new) .. ' ' .. all
  redis.call('HSET', KEYS[2], 's:' .. n, so_far)
end

-- A chain exists from its first page on, even an empty one, so that later pages find their number.
redis.call('HSETNX', KEYS[2], 'pin', ARGV[2])
if ARGV[10] == '1' and place ~= 'first' then redis.call('HSET', KEYS[2], 'paged', '1') end
redis.call('HSET', KEYS[1], 'meta', ARGV[4], 'rows', ARGV[5], 'repeats', table.concat(repeats, ','), 'next', continuation,
  'next_place', next_place, 'ending', ending, 'began', ARGV[1], 'n', n < STRAY and n or '',
  'doubts', doubts, 'so_far', so_far)
local life = redis.call('HEXISTS', KEYS[2], 'paged') == 1 and ARGV[9] or ARGV[8]
redis.call('PEXPIRE', KEYS[1], life)
redis.call('PEXPIRE', KEYS[2], life)

-- Each job's own page opens from here. What was asked by itself at the same moment or later stays: it has the raw XML.
for i = IDS, #ARGV do
  if ARGV[i] ~= '' then
    local key = KEYS[4] .. ARGV[i]
    local known = tonumber(redis.call('HGET', key, 'began') or nil)
    if not known or known < tonumber(ARGV[1]) or known >= ARGV[1] + 60000 then
      redis.call('HSET', key, 'began', ARGV[1], 'page', KEYS[1])
      if known then redis.call('HDEL', key, 'blob') end
      redis.call('PEXPIRE', key, life)
    end
  end
end
if KEYS[3] ~= '' then redis.call('SET', KEYS[3], ARGV[2], 'PX', life) end
return 1
