-- Reads the newest first page of many lists as summaries, and the trouble that concerns each; keeps what is read alive.
-- KEYS  of each list 11: head, page prefix, chain prefix, summary prefix, the bucket's tally, problems and marks (5),
--       the bucket's last problem
-- ARGV  1 short life ms   2 long life ms   3 "1" where somebody looks: each page is then one answer more in its bucket's tally
-- Answer: of each list {values of problems and marks or "" where there are none, last problem, and of its page began,
--         "1" where it goes on, summary, and where there is none yet pin, meta, rows, left out}; where nothing is wrong and
--         there is a summary, which is a list as JSON, began and summary in one string: reading takes longer than making it.
local answer = {}
for first = 1, #KEYS, 11 do
  local trouble = redis.call('MGET', unpack(KEYS, first + 5, first + 10))
  local last = table.remove(trouble) or ''
  local any = false
  for _, value in ipairs(trouble) do any = any or value end
  if not any then trouble = '' end
  local found = {trouble, last}
  local pin = redis.call('GET', KEYS[first])
  if pin then
    local key, chain = KEYS[first + 1] .. pin .. ':first', KEYS[first + 2] .. pin
    local page = redis.call('HMGET', key, 'began', 'next')
    if page[1] then
      local life = redis.call('HEXISTS', chain, 'paged') == 1 and ARGV[2] or ARGV[1]
      local summary = redis.call('GETEX', KEYS[first + 3] .. pin, 'PX', life) or ''
      found = {trouble, last, page[1], page[2] ~= '' and '1' or '', summary}
      if summary == '' then
        local rest = redis.call('HMGET', key, 'meta', 'rows', 'left_out')
        found = {trouble, last, page[1], page[2] ~= '' and '1' or '', summary, pin, rest[1], rest[2], rest[3]}
      elseif not any and last == '' then
        found = page[1] .. summary
      end
      for _, kept in ipairs({KEYS[first], key, chain}) do redis.call('PEXPIRE', kept, life) end
      -- A server without memory for a count can still be read.
      if ARGV[3] == '1' and redis.pcall('HINCRBY', KEYS[first + 4], 'answers', 1) == 1 then
        redis.call('PEXPIRE', KEYS[first + 4], ARGV[2])
      end
    end
  end
  answer[#answer + 1] = found
end
return answer
