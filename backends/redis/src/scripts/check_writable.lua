-- ARGV: none. Nothing is written: the key is absent, and SET with XX needs it. But
-- a server that refuses writes refuses this one too.
if stored then
  return REFUSED
end
local reply = redis.pcall('SET', key, '', 'XX')
if reply and reply.err then
  return reply
end
return DONE
