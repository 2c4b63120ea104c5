-- Stores one page with its chain's change and where its jobs are found, and moves the head, in one step.
-- KEYS  1 page   2 chain   3 pointer to the chain: a head, or that of a pin whose chain was forgotten ("" when it stays)
--       4 what a job's key begins with   5 the pin's first page as it was before ("" = none)
-- ARGV  1 began (unix ms at which the question was sent)   2 pin   3 place   4 meta   5 rows
--       6 continuation ("" = none)   7 its place   8 short life ms   9 long life ms   10 "1" when a person asked
--       11 doubts   12, 13 first and last row's creation time, unix seconds ("" = the order is not proven)
--       14 "1" when the newest come first   15 rows received   16 continuation in place of 6 if the list moved ("" = none)
--       17 its place   18 "1" when these are all rows of the stretch that the page covered when it was first fetched
--       19 indexes of those rows that belong to a later page, where they are new
--       20... JobIds in the order of the rows
-- Answer: 1 stored, 0 a newer one stands there
local STRAY, IDS, IDLE_PAGES = 1000000, 20, 3
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

-- Was it fetched before? Then somebody may have read it, and the pages behind it. What each of them showed stays where it was,
-- so that every reader meets every job, whichever versions of the pages he reads.
local doubted_before = redis.call('HGET', KEYS[2], 'd:' .. n)
local recorded = redis.call('HGET', KEYS[2], 'c:' .. (n + 1))
local stays = doubted_before and recorded
-- The chain was forgotten while its page was asked for anew: what it leads to is not known any more.
if ARGV[18] == '1' and not stays then return 0 end

-- A row repeats iff the chain knows its JobId from an earlier page. Where this page may have been read, it leaves to the pages
-- behind it what they have shown, and what is new and may be theirs: all that is, if nothing binds this page.
local fields, pages, theirs = {}, {}, {}
for i = IDS, #ARGV do fields[#fields + 1] = 'j:' .. ARGV[i] end
if #fields > 0 then pages = redis.call('HMGET', KEYS[2], unpack(fields)) end
for index in string.gmatch(ARGV[19], '%d+') do theirs[tonumber(index)] = true end
local left_out, new, left, owed = {}, 0, 0, false
local first_seen, here = {}, {}
for i = IDS, #ARGV do
  local index, known = i - IDS, ARGV[i] ~= '' and tonumber(pages[i - IDS + 1] or nil)
  local elsewhere = known and known >= own and known < own + STRAY and known ~= n
  if elsewhere and known < n then
    left_out[#left_out + 1] = tostring(index)
  elseif stays and ARGV[i] ~= '' and (elsewhere or not known and (ARGV[18] ~= '1' or theirs[index])) then
    left_out[#left_out + 1] = tostring(index)
    left = left + 1
    owed = owed or not known and theirs[index]
  else
    new = new + 1
    here[fields[index + 1]] = true
    if ARGV[i] ~= '' and (not known or known > n) then
      first_seen[#first_seen + 1] = fields[index + 1]
      first_seen[#first_seen + 1] = n
    end
  end
end
local repeats, received = #left_out - left, ARGV[15] - left
if #first_seen > 0 then redis.call('HSET', KEYS[2], unpack(first_seen)) end
-- Behind a token that names this page's last row those would be passed over: who fetches the next page asks for them, too.
if owed then redis.call('HSET', KEYS[2], 'o:' .. n, '1') else redis.call('HDEL', KEYS[2], 'o:' .. n) end
-- Where the list's last page has grown beyond its size, what it shows no more is the next one's.
if doubted_before and not recorded and ARGV[6] ~= '' then
  local known = redis.call('HGETALL', KEYS[2])
  for i = 1, #known, 2 do
    if string.sub(known[i], 1, 2) == 'j:' and tonumber(known[i + 1]) == n and not here[known[i]] then
      redis.call('HDEL', KEYS[2], known[i])
    end
  end
end

-- Did the list move? A row came again, or the page begins before the one before it ended.
local before, first = tonumber(redis.call('HGET', KEYS[2], 'l:' .. (n - 1)) or nil), tonumber(ARGV[12])
local begins_before = ARGV[18] ~= '1' and before and first
  and ((ARGV[14] == '1' and first > before) or (ARGV[14] ~= '1' and first < before))
local mends = not recorded and ARGV[16] ~= '' and (repeats > 0 or begins_before)

-- How many pages running brought nothing new? One or two prove no end: rows may follow a page that is empty or only repeats.
-- But a server that leads on for ever would never let the list end.
local idle = 0
if not stays then  -- jobs that left a page since prove nothing
  if new == 0 then
    idle = 1 + (tonumber(redis.call('HGET', KEYS[2], 'e:' .. (n - 1)) or nil) or 0)
    redis.call('HSET', KEYS[2], 'e:' .. n, idle)
  else
    redis.call('HDEL', KEYS[2], 'e:' .. n)
  end
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

-- What is proven, here and up to here? Where the list moved and isn't mended, its order is not; nor where a page can't be
-- fetched within its stretch again. What was in doubt of a page stays, for it concerns those behind it, too.
local function with(all, more)
  for doubt in string.gmatch(more, '[^,]+') do
    if not string.find(all, doubt, 1, true) then all = all == '' and doubt or all .. ',' .. doubt end
  end
  return all
end
local doubts, so_far = with(doubted_before or '', ARGV[11]), ''
if begins_before and repeats == 0 and not mends or stays and ARGV[18] ~= '1' then doubts = with(doubts, 'order') end
redis.call('HSET', KEYS[2], 'd:' .. n, doubts)
-- A page without rows leaves the list where it was, and the stretch of a page that leads on is settled.
local last = ARGV[15] == '0' and before or ARGV[13]
if last ~= '' and not stays then redis.call('HSET', KEYS[2], 'l:' .. n, last) end
if ARGV[12] ~= '' and not doubted_before then redis.call('HSET', KEYS[2], 'f:' .. n, ARGV[12]) end
local sum = n > 1 and redis.call('HGET', KEYS[2], 's:' .. (n - 1)) or (n == 1 and '0 0 ')
if sum then
  local in_all, unique, all = string.match(sum, '^(%d+) (%d+) (.*)$')
  in_all, unique, all = in_all + received, unique + new, with(all, doubts)
  so_far = in_all .. ' ' .. unique .. ' ' .. all
  -- What the pages behind it have brought in all changes with it.
  local own_sum = redis.call('HGET', KEYS[2], 's:' .. n)
  redis.call('HSET', KEYS[2], 's:' .. n, so_far)
  local m, behind = n + 1, own_sum and redis.call('HGET', KEYS[2], 's:' .. (n + 1))
  while behind do
    local was_received, was_unique = string.match(own_sum, '^(%d+) (%d+)')
    local its_received, its_unique, its_doubts = string.match(behind, '^(%d+) (%d+) (.*)$')
    redis.call('HSET', KEYS[2], 's:' .. m, (its_received + in_all - was_received) .. ' '
      .. (its_unique + unique - was_unique) .. ' ' .. with(its_doubts, doubts))
    m = m + 1
    behind = redis.call('HGET', KEYS[2], 's:' .. m)
  end
end

-- A chain exists from its first page on, even an empty one, so that later pages find their number.
redis.call('HSETNX', KEYS[2], 'pin', ARGV[2])
if ARGV[10] == '1' and place ~= 'first' then redis.call('HSET', KEYS[2], 'paged', '1') end
redis.call('HSET', KEYS[1], 'meta', ARGV[4], 'rows', ARGV[5], 'left_out', table.concat(left_out, ','), 'left', left,
  'next', continuation, 'next_place', next_place, 'ending', ending, 'began', ARGV[1], 'n', n < STRAY and n or '',
  'doubts', doubts, 'so_far', so_far)
local life = redis.call('HEXISTS', KEYS[2], 'paged') == 1 and ARGV[9] or ARGV[8]
redis.call('PEXPIRE', KEYS[1], life)
redis.call('PEXPIRE', KEYS[2], life)
redis.call('PEXPIRE', string.sub(KEYS[1], 1, #KEYS[1] - #place) .. 'first', life)

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
if KEYS[5] ~= '' then redis.call('DEL', KEYS[5]) end
return 1
