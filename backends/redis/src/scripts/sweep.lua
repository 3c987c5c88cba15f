-- ARGV: now.
if not stored or not is_past() then
  return REFUSED
end
return redis.pcall('DEL', key)
