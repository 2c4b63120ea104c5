-- Reads one job: what was asked by itself, or the page that showed it last.
-- KEYS  1 job   2... problems and marks
-- ARGV  1 the bucket's tally   2 its life ms
-- Answer: {values of 2..., began, blob} or {values of 2..., began, false, rows, meta} or {values of 2...}
local trouble = redis.call('MGET', unpack(KEYS, 2))
local job = redis.call('HMGET', KEYS[1], 'began', 'blob', 'page')
if job[2] or job[3] then
  -- A server without memory for a count can still be read.
  if redis.pcall('HINCRBY', ARGV[1], 'answers', 1) == 1 then redis.call('PEXPIRE', ARGV[1], ARGV[2]) end
end
if job[2] then return {trouble, job[1], job[2]} end
if not job[3] then return {trouble} end
-- The page may have been refreshed since, or be gone.
local page = redis.call('HMGET', job[3], 'began', 'rows', 'meta')
if not page[1] then return {trouble} end
return {trouble, page[1], false, page[2], page[3]}
