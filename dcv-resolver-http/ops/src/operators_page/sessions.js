// The sessions of a store, searched and paged.

import { explain } from "./explanation.js";
import { oneAtATime } from "./one_at_a_time.js";
import { read, reason } from "./requests.js";
import { cell, markCurrent, optional, pickButton, roving, row } from "./rows.js";
import { storeNames } from "./stores.js";
import { at, badge, escaped, make, text, time, words } from "./text.js";

/// How long to wait for the next key before the store searches.
const TYPING_MS = 300;

const sessionRows = at("session-rows");
const sessionsShown = new Map();
/// The page tokens of the pages before this one, and of this one.
let places = [""];
let nextPlace;
/// Counts the searches, so that only the answer to the latest is shown.
let searches = 0;
const settleSessions = roving(sessionRows, (element) => {
  markCurrent(element);
  const session = sessionsShown.get(element);
  const transport = session.http_port === undefined ? "QUIC" : "HTTP";
  explain({ id: session.id, transport }, { from: element });
});

/// Shows the page that was shown last, as it is now.
export function listSessions() {
  searches += 1;
  at("sessions-count").textContent = "searching…";
  return search();
}

const search = oneAtATime(async () => {
  const turn = searches;
  const parameters = {};
  if (at("store").value) parameters.store = at("store").value;
  if (at("search").value) parameters.search = at("search").value;
  if (places.at(-1)) parameters.page = places.at(-1);
  try {
    const page = await read("sessions", parameters);
    // Another search was asked for meanwhile.
    if (turn === searches) showSessions(page);
  } catch (error) {
    if (turn !== searches) return;
    sessionRows.replaceChildren();
    sessionsShown.clear();
    places = [""];
    // The store may be gone; and if it fails, another may not.
    const isKnown = at("store").options.length > 0 && error.status !== 400;
    if (!isKnown) offerStores(storeNames);
    at("pages").hidden = true;
    showSessionsEmpty(`The sessions cannot be shown: ${reason(error)}`);
    at("sessions-count").textContent = "";
  }
});

function offerStores(names, chosen = names[0]) {
  const stores = at("store");
  const offered = [...stores.options].map((option) => option.value);
  if (String(offered) === String(names)) return;
  stores.replaceChildren(...names.map((name) => make("option", { value: name }, escaped(name))));
  stores.value = chosen ?? "";
}

function showSessions(page) {
  offerStores(page.stores, page.store);
  sessionsShown.clear();
  sessionRows.replaceChildren(...page.sessions.map(sessionRow), ...(page.unreadable ?? []).map(unreadableRow));
  nextPlace = page.next_page;
  at("previous").disabled = places.length === 1;
  at("next").disabled = nextPlace === undefined;
  at("page-number").textContent = `page ${places.length}`;
  at("pages").hidden = places.length === 1 && nextPlace === undefined;
  const count = page.sessions.length;
  const compared = page.compared > count ? ` of ${page.compared} compared` : "";
  at("sessions-count").textContent = count === 0 ? "" : `${count} on this page${compared}`;
  const isSearch = at("search").value !== "";
  const nothing = isSearch
    ? nextPlace ? "No match so far. The next page continues the search." : "No session contains this text."
    : "This store holds no session.";
  showSessionsEmpty(page.store === undefined ? "No store lists its sessions." : nothing);
  settleSessions();
}

function showSessionsEmpty(message) {
  const isEmpty = sessionRows.childElementCount === 0;
  at("sessions-empty").hidden = !isEmpty;
  at("sessions-empty").textContent = message;
  sessionRows.closest(".scroll").hidden = isEmpty;
}

function sessionRow(session) {
  const state = session.live ? session.state : "expired";
  const tone = !session.live ? "bad" : session.state === "READY" ? "ok" : "warn";
  const port = (value) => String(value);
  const element = row(
    cell("session", "", pickButton(text(session.id))),
    cell("state", "", badge(tone, words(state.toLowerCase()))),
    cell("host", "", text(session.host)),
    cell("number", "HTTP", ...optional(session.http_port, port)),
    cell("number", "QUIC", ...optional(session.quic_port, port)),
    cell("time", "expires", session.expires_at === undefined ? "never" : time(session.expires_at)),
    cell("owner", "owner", ...optional(session.owner)),
  );
  sessionsShown.set(element, session);
  return element;
}

function unreadableRow(error) {
  const element = row(cell("unreadable", "", badge("bad", "unreadable"), " ", text(error)));
  element.firstChild.colSpan = 7;
  return element;
}

let typing;

/// Leaves the pages of the search before, whose answer is no longer shown.
function beginSearch() {
  clearTimeout(typing);
  searches += 1;
  places = [""];
  nextPlace = undefined;
  at("next").disabled = at("previous").disabled = true;
}

at("search").addEventListener("input", () => {
  beginSearch();
  typing = setTimeout(listSessions, TYPING_MS);
});
at("store").addEventListener("change", () => {
  beginSearch();
  listSessions();
});
at("next").addEventListener("click", () => {
  places.push(nextPlace);
  turnPage();
});
at("previous").addEventListener("click", () => {
  places.pop();
  turnPage();
});

async function turnPage() {
  at("next").disabled = at("previous").disabled = true;
  await listSessions();
  at("sessions").querySelector(".scroll").scrollTop = 0;
  const button = document.activeElement === document.body && [at("next"), at("previous")].find((it) => !it.disabled);
  if (button) button.focus();
}

