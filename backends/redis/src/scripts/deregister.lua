-- ARGV: now (not read), token.
if not stored or token ~= ARGV[2] then
  return REFUSED
end
return redis.pcall('DEL', key)
