-- What every script begins with. KEYS[1] is the session's key, ARGV[1] the
-- caller's time in milliseconds, ARGV[2] the digest of the caller's token, and
-- ARGV[3] the token itself, empty at first. Answers: DONE, REFUSED, why the value
-- is not one that these scripts may touch, or that the token itself is needed.
local DONE, REFUSED, NOT_OURS, NEWER, NEEDS_TOKEN = 1, 0, -1, -2, -3
local key, now = KEYS[1], ARGV[1]

local stored = redis.pcall('GET', key)
if type(stored) == 'table' then
  return stored
end

local expires_at, lease, body
if stored then
  local version = string.match(stored, '^dcv%-session/(%d+) ')
  if version and version ~= '1' and version ~= '2' then
    return NEWER
  end
  expires_at, lease, body = string.match(stored, '^dcv%-session/%d (%S+) (%S+)\n(.*)$')
  -- What is not written as it is written here is damaged.
  local is_expiry = expires_at and (expires_at == 'never' or expires_at == '0'
    or string.match(expires_at, '^%-?[1-9]%d*$'))
  -- Version 1 has the token, version 2 its digest.
  local digits, count = lease, 32
  if version == '2' then
    digits, count = string.match(lease or '', '^sha256:(.*)$'), 64
  end
  local is_lease = lease == 'none'
    or digits and #digits == count and not string.find(digits, '[^0-9a-f]')
  if not is_expiry or not is_lease then
    return NOT_OURS
  end
end

-- Whether the lease can be compared only with the token itself.
local function needs_token()
  return stored and #lease == 32 and ARGV[3] == ''
end

local function is_owner()
  return lease == ARGV[2] or #lease == 32 and lease == ARGV[3]
end

-- Compares decimal texts: Lua's numbers are exact up to 2^53 only.
local function is_past()
  if expires_at == 'never' then
    return false
  end
  local negative, now_negative = expires_at:sub(1, 1) == '-', now:sub(1, 1) == '-'
  if negative ~= now_negative then
    return negative
  end
  if expires_at == now then
    return true
  end
  local smaller = expires_at < now
  if #expires_at ~= #now then
    smaller = #expires_at < #now
  end
  return smaller ~= negative
end

local function write(value, key_ttl_ms)
  local reply
  if key_ttl_ms == '' then
    reply = redis.pcall('SET', key, value)
  else
    reply = redis.pcall('SET', key, value, 'PX', key_ttl_ms)
  end
  if reply.err then
    return reply
  end
  return DONE
end

