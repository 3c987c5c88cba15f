// Text on the page. What comes from a request or a store becomes a text node,
// never markup, and the policy of the page has the browser refuse anything else.

export const at = (id) => document.getElementById(id);

/// Characters that are not plainly visible, as `escape.rs` of the resolver
/// defines them, and the backslash.
const UNPLAIN = /[\p{C}\p{Z}\p{Grapheme_Extend}\p{Default_Ignorable_Code_Point}\u2800\\]/u;
const NAMED_ESCAPES = { "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" };

function escapeOf(character) {
  const code = () => `\\u{${character.codePointAt(0).toString(16)}}`;
  return NAMED_ESCAPES[character] ?? code();
}

/// Returns `text` in pieces, plain ones and escapes in turns.
function pieces(text) {
  const found = [""];
  for (const character of String(text)) {
    const isEscape = character !== " " && UNPLAIN.test(character);
    if (isEscape !== (found.length % 2 === 0)) found.push("");
    found[found.length - 1] += isEscape ? escapeOf(character) : character;
  }
  return found;
}

/// Returns text as it is shown: with the escapes.
export const escaped = (value) => pieces(value).join("");

/// Returns an element that shows text from elsewhere: escaped, and without an
/// effect on the direction of its neighbours.
export function text(value) {
  const shown = pieces(value).map((piece, index) =>
    index % 2 === 0 ? piece : make("span", { className: "escape" }, piece),
  );
  return make("bdi", { className: "text" }, ...shown);
}

export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function badge(tone, word) {
  const element = make("span", { className: "badge" }, word);
  element.dataset.tone = tone;
  return element;
}

/// Returns a time of an RFC 3339 text, without the date if that is today's.
export function time(rfc3339) {
  const [date, rest] = rfc3339.split("T");
  const clock = rest?.slice(0, 8) ?? "";
  const isToday = date === new Date().toISOString().slice(0, 10);
  const shown = isToday ? clock : `${date} ${clock}`;
  return make("time", { dateTime: rfc3339, title: rfc3339 }, shown);
}

export function timeOfMs(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : time(date.toISOString());
}

export function duration(us) {
  if (us < 1_000) return `${us} µs`;
  return us < 1_000_000 ? `${(us / 1_000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(1)} s`;
}

export function seconds(ms) {
  return ms < 1_000 ? "less than a second" : `${Math.round(ms / 1_000)} s`;
}

export const words = (name) => name.replaceAll("_", " ");
