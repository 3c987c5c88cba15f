// The session id in what a person pastes.

/// Returns the id in a client's link, which is behind its "#". A token in the
/// link, before or behind it, is not sent anywhere. Any other text is the id
/// itself.
export function sessionIdIn(pasted) {
  const link = /^\s*[a-z]+:\/\/[^#]*#(\S+)\s*$/i.exec(pasted);
  if (!link) return pasted;
  const encoded = link[1].replace(/(^|[?&])auth[-_]?token=.*$/i, "");
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
