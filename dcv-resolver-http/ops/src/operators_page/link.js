// The session id in what a person pastes.

/// Returns the id in a client's link, which is behind its "#". What comes before,
/// a token perhaps, is not sent anywhere. Any other text is the id itself.
export function sessionIdIn(pasted) {
  const link = /^\s*[a-z]+:\/\/[^#]*#(\S+)\s*$/i.exec(pasted);
  if (!link) return pasted;
  try {
    return decodeURIComponent(link[1]);
  } catch {
    return link[1];
  }
}
