-- ARGV: now, token, new expires_at_ms, key_ttl_ms or ''.
if not stored or token ~= ARGV[2] or is_past() then
  return REFUSED
end
return write('dcv-session/1 ' .. ARGV[3] .. ' ' .. token .. '\n' .. body, ARGV[4])
