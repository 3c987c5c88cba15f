-- ARGV: now, digest, token or '', value, key_ttl_ms or '', what to do over another
-- lease.
if stored and not is_past() then
  if ARGV[6] == 'keep' then
    if needs_token() then
      return NEEDS_TOKEN
    end
    if not is_owner() then
      return REFUSED
    end
  end
  -- A record of a newer form begins with its version. It has what would be lost
  -- in this form.
  local version = string.match(body, '^%s*{%s*"version"%s*:%s*(%d+)')
  if version and version ~= '1' then
    return NEWER
  end
end
return write(ARGV[4], ARGV[5])
