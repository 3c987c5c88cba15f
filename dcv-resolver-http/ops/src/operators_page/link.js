// The session id in what a person pastes.

const LINK = /^\s*[a-z]+:\/\/[^#]*#(\S+)\s*$/i;
const TOKEN = /[?&;#/ ]*auth[-_]?token=.*$/is;

/// Returns the id in a client's link, which is behind its "#". A token, before or
/// behind it, is not sent anywhere, not even if the start of the link is missing.
/// Any other text is the id itself.
export function sessionIdIn(pasted) {
  const link = LINK.exec(pasted);
  return link ? decoded(link[1]).replace(TOKEN, "") : inTail(pasted);
}

// Decoded first: the characters of a token's name may be encoded.
function inTail(pasted) {
  const text = decoded(pasted.trim());
  if (!TOKEN.test(text)) return pasted;
  const [page, ...rest] = text.split("#");
  const isBeforeId = rest.length > 0 && (TOKEN.test(page) || page.endsWith("/"));
  return (isBeforeId ? rest.join("#") : text).replace(TOKEN, "");
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
