-- Finds the page of a chain on which a reader goes on who has seen so many of its rows, up to some second of creation.
-- KEYS  1 chain
-- ARGV  1 rows   2 the second in which the last of them was created, unix ("" = unknown, then their number tells)
--       3 "1" when the newest come first   4 pages that are looked at
-- Answer: {how that page is reached ("" = it is the first, or that is forgotten), rows of the pages before it}
local second, n, brought, reached = tonumber(ARGV[2] or nil), 1, 0, ''
while n <= tonumber(ARGV[4]) do
  local known = redis.call('HMGET', KEYS[1], 's:' .. n, 'l:' .. n, 'c:' .. (n + 1))
  local last = tonumber(known[2] or nil)
  if not known[1] or not known[3] or (second and not last) then break end
  local unique = tonumber(string.match(known[1], '^%d+ (%d+)'))
  -- The stretch of a page stays as it was, its number of rows does not.
  local all_seen = not second and unique <= tonumber(ARGV[1])
    or second and ((ARGV[3] == '1' and last > second) or (ARGV[3] ~= '1' and last < second))
  if not all_seen then break end
  n, brought, reached = n + 1, unique, known[3]
end
return {reached, brought}
