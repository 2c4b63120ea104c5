-- Reads one page, through the head when no pin is known, and keeps what is read alive; and the trouble that concerns it.
-- KEYS  1 pointer: the head, or where a new chain of the pin stands if its own was forgotten   2 page prefix   3 chain prefix
--       4... problems and marks
-- ARGV  1 pin ("" = the head's)   2 place in the chain   3 "1" when a person reads   4 short life ms   5 long life ms
--       6 the bucket's tally
-- Answer: {values of 4..., 1 where the pin's chain leads to the place, else 0} or {values of 4..., {pin, meta, rows, left out, next, ending, began, n, doubts, so far,
--         whether the next page is there, how many rows are left to later pages}}
local trouble = redis.call('MGET', unpack(KEYS, 4))
local pin = ARGV[1]
if pin == '' then
  pin = redis.call('GET', KEYS[1])
  if not pin then return {trouble, 0} end
elseif ARGV[2] == 'first' and redis.call('EXISTS', KEYS[2] .. pin .. ':first') == 0 then
  pin = redis.call('GET', KEYS[1]) or pin
end
local chain = KEYS[3] .. pin
local key = KEYS[2] .. pin .. ':' .. ARGV[2]
local page = redis.call('HMGET', key, 'meta', 'rows', 'left_out', 'next', 'ending', 'began', 'n', 'next_place', 'doubts', 'so_far',
  'left')
if not page[1] then return {trouble, redis.call('HEXISTS', chain, 't:' .. ARGV[2])} end
-- What all pages have brought changes where one before this is fetched again.
local so_far = page[7] ~= '' and redis.call('HGET', chain, 's:' .. page[7]) or page[10]
if ARGV[3] == '1' and ARGV[2] ~= 'first' then
  -- A chain that somebody paged lives long; the mark is only set where the chain still stands.
  if redis.call('EXISTS', chain) == 1 then redis.call('HSET', chain, 'paged', '1') end
end
local life = redis.call('HEXISTS', chain, 'paged') == 1 and ARGV[5] or ARGV[4]
redis.call('PEXPIRE', key, life)
redis.call('PEXPIRE', chain, life)
-- Its readers come back to where it begins.
redis.call('PEXPIRE', KEYS[2] .. pin .. ':first', life)
if ARGV[1] ~= pin then redis.call('PEXPIRE', KEYS[1], life) end
-- A server without memory for a count can still be read.
if redis.pcall('HINCRBY', ARGV[6], 'answers', 1) == 1 then redis.call('PEXPIRE', ARGV[6], ARGV[5]) end
local ahead = 1
if page[4] ~= '' then
  ahead = redis.call('EXISTS', KEYS[2] .. pin .. ':' .. page[8])
end
return {trouble, {pin, page[1], page[2], page[3], page[4], page[5], page[6], page[7], page[9] or '', so_far or '', ahead, page[11]}}
