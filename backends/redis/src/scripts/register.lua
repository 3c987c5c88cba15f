-- ARGV: now, token, value, key_ttl_ms or '', what to do over another lease.
if ARGV[5] == 'keep' and stored and token ~= ARGV[2] and not is_past() then
  return REFUSED
end
return write(ARGV[3], ARGV[4])
