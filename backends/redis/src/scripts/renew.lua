-- ARGV: now, digest, token or '', new expires_at_ms, key_ttl_ms or ''.
if needs_token() then
  return NEEDS_TOKEN
end
if not stored or not is_owner() or is_past() then
  return REFUSED
end
return write('dcv-session/2 ' .. ARGV[4] .. ' ' .. ARGV[2] .. '\n' .. body, ARGV[5])
