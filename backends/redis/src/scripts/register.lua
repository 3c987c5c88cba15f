-- ARGV: now, token, value, key_ttl_ms or '', what to do over another lease.
if stored and not is_past() then
  if ARGV[5] == 'keep' and token ~= ARGV[2] then
    return REFUSED
  end
  -- A record of a newer form begins with its version. It has what would be lost
  -- in this form.
  local version = string.match(body, '^%s*{%s*"version"%s*:%s*(%d+)')
  if version and version ~= '1' then
    return NEWER
  end
end
return write(ARGV[3], ARGV[4])
