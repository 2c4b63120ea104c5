-- Tells what a chain knows of a page that was fetched before, and of those behind it.
-- KEYS  1 chain   ARGV  1 place   2 "1" when the newest come first
-- Answer: {page's number, time of its first row, of the last one of the page before it, and of its own last one; how it goes
--         on, "1" where a page behind it went past its last second, how the last page behind it goes on}, each "" if not. Of a page that was not fetched {}, or {time of the last
--         second of the page before it} where new jobs of that second were left to it
local n = ARGV[1] == 'first' and 1 or tonumber(redis.call('HGET', KEYS[1], 't:' .. ARGV[1]) or nil)
if not n then return {} end
if redis.call('HEXISTS', KEYS[1], 'd:' .. n) == 0 then
  -- Several pages may end within one second.
  local ends, before = redis.call('HGET', KEYS[1], 'l:' .. (n - 1)), n - 1
  while ends and redis.call('HGET', KEYS[1], 'l:' .. before) == ends do
    if redis.call('HEXISTS', KEYS[1], 'o:' .. before) == 1 then return {ends} end
    before = before - 1
  end
  return {}
end
local known = redis.call('HMGET', KEYS[1], 'f:' .. n, 'l:' .. (n - 1), 'l:' .. n, 'c:' .. (n + 1))
local last, m, passed = tonumber(known[3] or nil), n + 1, ''
-- Where the list moved, the pages behind this one begin before it ends.
while redis.call('HEXISTS', KEYS[1], 'd:' .. m) == 1 do
  local its_last = tonumber(redis.call('HGET', KEYS[1], 'l:' .. m) or nil)
  if last and its_last and ((ARGV[2] == '1' and its_last < last) or (ARGV[2] ~= '1' and its_last > last)) then passed = '1' end
  m = m + 1
end
return {n, known[1] or '', known[2] or '', known[3] or '', known[4] or '', passed, redis.call('HGET', KEYS[1], 'c:' .. m) or ''}
