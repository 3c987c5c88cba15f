-- ARGV: now (not read), digest, token or ''.
if needs_token() then
  return NEEDS_TOKEN
end
if not stored or not is_owner() then
  return REFUSED
end
return redis.pcall('DEL', key)
