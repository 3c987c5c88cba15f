// The page of the operators. It reads /readyz, /decisions, /sessions and
// /explain of the listener that it came from, and nothing else.
//
// Whatever it shows of a request or a store becomes a text node, never markup,
// and its policy has the browser refuse anything else.

const POLL_MS = 3_000;
const SLOWEST_POLL_MS = 30_000;
const TIME_LIMIT_MS = 10_000;
/// How long to wait for the next key before the stores search.
const TYPING_MS = 300;

const at = (id) => document.getElementById(id);

// ---- Text ------------------------------------------------------------------

/// Characters that are not plainly visible, as `escape.rs` of the resolver
/// defines them, and the backslash. More are escaped here: those that are
/// visible in its sense, and shown as nothing.
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

/// Returns an element that shows text from elsewhere: escaped, and without an
/// effect on the direction of its neighbours.
function text(value) {
  const shown = pieces(value).map((piece, index) =>
    index % 2 === 0 ? piece : make("span", { className: "escape" }, piece),
  );
  return make("bdi", { className: "text" }, ...shown);
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function badge(tone, word) {
  const element = make("span", { className: "badge" }, word);
  element.dataset.tone = tone;
  return element;
}

/// Returns a time of an RFC 3339 text, without the date if that is today's.
function time(rfc3339) {
  const [date, rest] = rfc3339.split("T");
  const clock = rest?.slice(0, 8) ?? "";
  const isToday = date === new Date().toISOString().slice(0, 10);
  const shown = isToday ? clock : `${date} ${clock}`;
  return make("time", { dateTime: rfc3339, title: rfc3339 }, shown);
}

function timeOfMs(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : time(date.toISOString());
}

function duration(us) {
  if (us < 1_000) return `${us} µs`;
  return us < 1_000_000 ? `${(us / 1_000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(1)} s`;
}

function seconds(ms) {
  return ms < 1_000 ? "less than a second" : `${Math.round(ms / 1_000)} s`;
}

const words = (name) => name.replaceAll("_", " ");

// ---- Requests --------------------------------------------------------------

/// In memory alone, so that it is gone with the page.
let token = "";

/// A response that is not what was asked for.
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function read(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const headers = { accept: "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(query ? `${path}?${query}` : path, {
    headers,
    cache: "no-store",
    redirect: "error",
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  });
  const body = await response.json().catch(() => ({}));
  if (response.ok || (path === "readyz" && response.status === 503)) return body;
  if (response.status === 401) askForToken();
  throw new Refusal(response.status, body.detail ?? `the answer is ${response.status}`);
}

function reason(error) {
  if (error instanceof Refusal) return error.message;
  return error.name === "TimeoutError" ? "no answer in time" : "the resolver cannot be reached";
}

let needsToken = false;

function askForToken() {
  needsToken = true;
  at("token-form").hidden = false;
  at("token-refused").hidden = !token;
}

at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  at("token").value = "";
  at("token-form").hidden = true;
  needsToken = false;
  at("filter").focus();
  sessionsAreShown = false;
  if (!at("sessions").hidden) listSessions();
  poll();
});

function showProblem(message) {
  const problem = at("problem");
  problem.hidden = !message;
  // Set only when it changes, so that it is announced once.
  if (problem.textContent !== message) problem.textContent = message;
}

// ---- Lists -----------------------------------------------------------------

/// Lets Tab reach one row of a list and the arrow keys the others: nobody wants
/// to press Tab two hundred times.
function roving(rows, pick) {
  const buttons = () => [...rows.querySelectorAll("tr:not([hidden]) .pick")];
  const settle = () => {
    const all = buttons();
    const current = all.find((button) => button.tabIndex === 0) ?? all[0];
    for (const button of all) button.tabIndex = button === current ? 0 : -1;
  };
  rows.addEventListener("focusin", (event) => {
    if (!event.target.matches(".pick")) return;
    for (const button of rows.querySelectorAll(".pick")) button.tabIndex = button === event.target ? 0 : -1;
  });
  rows.addEventListener("keydown", (event) => {
    const all = buttons();
    const index = all.indexOf(document.activeElement);
    const target = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: all.length - 1 }[event.key];
    if (index < 0 || target === undefined) return;
    event.preventDefault();
    all[Math.min(Math.max(target, 0), all.length - 1)].focus();
  });
  rows.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !String(getSelection())) pick(row);
  });
  return settle;
}

function cell(className, label, ...children) {
  const element = make("td", { className }, ...children);
  element.setAttribute("role", "cell");
  if (label && children.length > 0) element.dataset.label = label;
  return element;
}

function row(...cells) {
  const element = make("tr", {}, ...cells);
  element.setAttribute("role", "row");
  return element;
}

function pickButton(...children) {
  return make("button", { className: "pick", type: "button", tabIndex: -1 }, ...children);
}

function markCurrent(element) {
  for (const other of document.querySelectorAll("tr[aria-current]")) other.removeAttribute("aria-current");
  element?.setAttribute("aria-current", "true");
}

const optional = (value, show = text) => (value === undefined ? [] : [show(value)]);

// ---- Stores ----------------------------------------------------------------

const STORE_TONES = { up: "ok", failing: "warn", down: "bad", new: "idle" };
const STATES = {
  serving: ["ok", "Ready"],
  store_down: ["bad", "Not ready: a store is down"],
  draining: ["warn", "Shutting down"],
};

async function refreshStores() {
  const report = await read("readyz");
  const [tone, word] = STATES[report.state] ?? ["idle", words(report.state)];
  at("state").dataset.tone = tone;
  at("state").textContent = word;
  at("stores").replaceChildren(...report.stores.map(storeCard));
}

function storeCard(store) {
  const detail = (...children) => make("p", { className: "detail quiet" }, ...children);
  const age = store.last_answer_age_ms;
  const answered = age === undefined ? "has not answered yet" : `last answered ${seconds(age)} ago`;
  const hasWarning = store.writable === false || (store.warnings ?? []).length > 0;
  const tone = hasWarning && store.state === "up" ? "warn" : (STORE_TONES[store.state] ?? "idle");
  const name = make("span", { className: "name" }, text(store.store));
  const state = badge(STORE_TONES[store.state] ?? "idle", store.state);
  const card = make("li", {}, make("div", { className: "head" }, name, state));
  card.dataset.tone = tone;
  if (store.state !== "up") card.append(detail(answered));
  if (store.error) card.append(detail(text(store.error)));
  if (store.writable === false) card.append(detail("cannot be written: ", text(store.write_error ?? "")));
  for (const warning of store.warnings ?? []) card.append(detail(text(warning)));
  return card;
}

// ---- Decisions -------------------------------------------------------------

const OUTCOME_TONES = { found: "ok", not_found: "warn", error: "bad" };
const decisionRows = at("decision-rows");
/// What each row shows, and its text in lower case for the filter.
const decisions = new Map();
let newest = { number: 0 };
const settleDecisions = roving(decisionRows, (element) => explainDecision(element));

async function refreshDecisions() {
  if (needsToken) return;
  showDecisions((await read("decisions")).decisions);
}

function showDecisions(list) {
  const wasEmpty = decisions.size === 0;
  // The numbers of a process that was restarted begin again.
  const same = list.find((decision) => decision.number === newest.number);
  const isSameProcess = (list[0]?.number ?? 0) >= newest.number && (!same || same.time === newest.time);
  const kept = new Set(isSameProcess ? list.map((decision) => decision.number) : []);
  const hadFocus = decisionRows.contains(document.activeElement);
  for (const [element, { decision }] of decisions) {
    if (kept.has(decision.number)) continue;
    element.remove();
    decisions.delete(element);
  }
  const known = isSameProcess ? newest.number : 0;
  const added = list.filter((decision) => decision.number > known).map(decisionRow);
  if (!wasEmpty) for (const element of added) element.className = "new";
  decisionRows.prepend(...added);
  newest = list[0] ?? { number: 0 };
  filterDecisions();
  // Its row is no longer among the last ones.
  if (hadFocus && !decisionRows.contains(document.activeElement)) {
    (decisionRows.querySelector('tr:not([hidden]) .pick[tabindex="0"]') ?? at("filter")).focus();
  }
}

function decisionRow(decision) {
  const { outcome, session_id: id } = decision;
  const outcomeCell = cell("outcome", "", badge(OUTCOME_TONES[outcome] ?? "idle", words(outcome)));
  if (decision.reason) outcomeCell.append(make("span", { className: "reason" }, words(decision.reason)));
  const button = id === undefined ? pickButton("no session id") : pickButton(text(id));
  if (id === undefined) button.classList.add("none");
  const element = row(
    cell("time", "", time(decision.time)),
    outcomeCell,
    cell("session", "", button),
    cell("transport", "", ...optional(decision.transport)),
    cell("client", "client", ...optional(decision.client_ip)),
    cell("store", "store", ...optional(decision.store)),
  );
  const fields = [outcome, words(outcome), decision.reason, decision.reason && words(decision.reason),
    id, id && pieces(id).join(""), decision.transport, decision.client_ip, decision.store, decision.policy,
    decision.caller, decision.request_id, decision.time];
  decisions.set(element, { decision, searched: fields.filter(Boolean).join("\n").toLowerCase() });
  return element;
}

function filterDecisions() {
  const wanted = at("filter").value.toLowerCase().split(" ").filter(Boolean);
  let shown = 0;
  for (const [element, { searched }] of decisions) {
    element.hidden = !wanted.every((word) => searched.includes(word));
    if (!element.hidden) shown += 1;
  }
  const total = decisions.size;
  at("decisions-count").textContent = total === 0 ? "" : wanted.length > 0 ? `${shown} of ${total}` : `last ${total}`;
  const empty = at("decisions-empty");
  empty.hidden = shown > 0;
  empty.textContent = total > 0 ? "No decision has these words." : "No gateway has asked since the resolver started.";
  decisionRows.closest(".scroll").hidden = shown === 0;
  settleDecisions();
}

at("filter").addEventListener("input", filterDecisions);

function explainDecision(element) {
  const { decision } = decisions.get(element);
  markCurrent(element);
  if (decision.session_id !== undefined) {
    const request = { id: decision.session_id, transport: decision.transport, client: decision.client_ip };
    explain(request, { decision, from: element });
    return;
  }
  openExplanation(element);
  const none = make("p", { className: "empty" }, "There is no path to show: the request was answered before its session was known.");
  showExplanation(none, recorded(decision));
}

// ---- Sessions --------------------------------------------------------------

const sessionRows = at("session-rows");
const sessionsShown = new Map();
/// The page tokens of the pages before this one, and of this one.
let places = [""];
let nextPlace;
let listing = 0;
let sessionsAreShown = false;
const settleSessions = roving(sessionRows, (element) => {
  markCurrent(element);
  const session = sessionsShown.get(element);
  const transport = session.http_port === undefined ? "QUIC" : "HTTP";
  explain({ id: session.id, transport }, { from: element });
});

async function listSessions() {
  const turn = ++listing;
  sessionsAreShown = true;
  const parameters = {};
  if (at("store").value) parameters.store = at("store").value;
  if (at("search").value) parameters.search = at("search").value;
  if (places.at(-1)) parameters.page = places.at(-1);
  at("sessions-count").textContent = "searching…";
  try {
    const page = await read("sessions", parameters);
    // Another search has begun meanwhile.
    if (turn === listing) showSessions(page);
  } catch (error) {
    if (turn !== listing) return;
    sessionRows.replaceChildren();
    sessionsShown.clear();
    showSessionsEmpty(`The sessions cannot be shown: ${reason(error)}`);
    at("sessions-count").textContent = "";
  }
}

function showSessions(page) {
  const stores = at("store");
  if (stores.options.length !== page.stores.length) {
    stores.replaceChildren(...page.stores.map((name) => make("option", { value: name }, pieces(name).join(""))));
    stores.value = page.store ?? "";
  }
  sessionsShown.clear();
  sessionRows.replaceChildren(...page.sessions.map(sessionRow), ...(page.unreadable ?? []).map(unreadableRow));
  nextPlace = page.next_page;
  at("previous").disabled = places.length === 1;
  at("next").disabled = nextPlace === undefined;
  at("page-number").textContent = places.length === 1 && !nextPlace ? "" : `page ${places.length}`;
  const count = page.sessions.length;
  const compared = page.compared > count ? ` of ${page.compared} compared` : "";
  at("sessions-count").textContent = `${count} on this page${compared}`;
  const isSearch = at("search").value !== "";
  const nothing = isSearch
    ? nextPlace ? "None of those compared. The next page continues the search." : "No session has this text."
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

function firstPage() {
  places = [""];
  listSessions();
}

let typing;
at("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(firstPage, TYPING_MS);
});
at("store").addEventListener("change", firstPage);
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

// ---- Tabs ------------------------------------------------------------------

const tabs = [at("decisions-tab"), at("sessions-tab")];

function selectTab(chosen) {
  for (const tab of tabs) {
    const isChosen = tab === chosen;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    at(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
  if (chosen === tabs[1] && !sessionsAreShown) firstPage();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => selectTab(tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = tabs.find((it) => it !== tab);
    selectTab(other);
    other.focus();
  });
}

// ---- The path of a request -------------------------------------------------

const RULES = { live: "Not expired", ready: "Ready", transport_offered: "Offers the transport" };
/// What an operator looks at next.
const HINTS = {
  unknown: "Compare it with the link that the user clicked, and check that the session was registered.",
  expired: "Its lease was not renewed. Check that the program that registers the session still runs on its server.",
  not_ready: "The DCV server reports that the session cannot be used yet, or no longer.",
  transport_not_offered: "The session has no port for this transport. The client may use the other one.",
  denied: "A policy denies this client the session. Behind a load balancer, the client's address may be that of the load balancer.",
};
let explaining = 0;
let openedFrom;

at("explain-form").addEventListener("submit", (event) => {
  event.preventDefault();
  markCurrent(null);
  const client = at("client").value.trim();
  explain({ id: at("session").value, transport: at("transport").value, client: client || undefined }, {});
});

at("close").addEventListener("click", () => {
  closeExplanation();
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && at("explanation").contains(document.activeElement)) closeExplanation();
});

function openExplanation(from) {
  openedFrom = from;
  at("close").hidden = false;
  at("explanation-title").focus({ preventScroll: true });
}

function closeExplanation() {
  explaining += 1;
  at("close").hidden = true;
  markCurrent(null);
  showExplanation(make("p", { className: "empty" }, "Choose a decision or a session, or enter an id, to see the path of its request."));
  const back = openedFrom?.isConnected ? openedFrom.querySelector(".pick") : at("session");
  back.focus();
}

function showExplanation(...children) {
  at("explanation-body").replaceChildren(...children);
  at("explanation").scrollTop = 0;
  // Beside the lists it is in view.
  const isBelow = !matchMedia("(min-width: 70rem)").matches;
  if (isBelow && !at("close").hidden) at("explanation").scrollIntoView();
}

async function explain(request, { decision, from }) {
  const turn = ++explaining;
  openExplanation(from);
  showExplanation(make("p", { className: "empty" }, "Asking…"));
  const parameters = { sessionId: request.id, transport: request.transport };
  if (request.client !== undefined) parameters.clientIpAddress = request.client;
  try {
    const explanation = await read("explain", parameters);
    if (turn !== explaining) return;
    showExplanation(...path(explanation, request.client), ...(decision ? [recorded(decision)] : []));
    const reasonWord = explanation.reason ? `, ${words(explanation.reason)}` : "";
    announce(`${pieces(request.id).join("")}: ${words(explanation.outcome)}${reasonWord}`);
  } catch (error) {
    if (turn !== explaining) return;
    const message = make("p", { className: "notice" }, "No explanation: ", text(reason(error)));
    showExplanation(message, ...(decision ? [recorded(decision)] : []));
    announce("no explanation");
  }
}

function announce(message) {
  at("announcement").textContent = message;
}

/// Returns what was decided then; the path is that of the same request now.
function recorded(decision) {
  const list = make("dl", {});
  const add = (name, ...value) => list.append(make("dt", {}, name), make("dd", {}, ...value));
  add("time", make("span", { className: "mono" }, decision.time));
  const answer = [words(decision.outcome), decision.reason && words(decision.reason), decision.status];
  add("answer", answer.filter(Boolean).join(", "), ` in ${duration(decision.elapsed_us)}`);
  if (decision.store) add("store", text(decision.store));
  if (decision.policy) add("policy", text(decision.policy));
  if (decision.caller) add("gateway", text(decision.caller));
  add("request id", make("span", { className: "mono" }, text(decision.request_id)));
  const box = make("div", { className: "recorded" }, make("strong", {}, "Decided then"), list);
  return box;
}

function path(explanation, client) {
  const asked = make("p", { className: "asked" }, text(explanation.session_id));
  const hops = make("ol", { className: "path" }, ...hopsOf(explanation, client));
  const now = make("p", { className: "quiet" }, "The path as it is now, ", timeOfMs(explanation.now_ms), " UTC");
  const near = explanation.did_you_mean ?? [];
  const parts = [asked, now, hops];
  if (near.length > 0) parts.push(suggestions(near, explanation));
  if (explanation.search_truncated) {
    parts.push(make("p", { className: "quiet" }, "Not every session was compared; others may match."));
  }
  return parts;
}

function hop(tone, title, result, ...details) {
  const heading = make("h3", {}, title);
  const element = make("li", {}, heading, make("span", { className: "result" }, result), ...details);
  element.dataset.tone = tone;
  return element;
}

const paragraph = (...children) => make("p", {}, ...children);

function hopsOf(explanation, client) {
  const from = explanation.client_ip ?? client;
  const asking = from === undefined ? "client unknown" : ["client ", text(from)];
  const hops = [hop("ok", "Request", `over ${explanation.transport}`, paragraph(...[asking].flat()))];
  let isDecided = false;
  for (const store of explanation.stores) {
    hops.push(storeHop(store, isDecided));
    isDecided ||= store.decides;
  }
  let isRefused = false;
  for (const rule of explanation.rules) {
    hops.push(ruleHop(rule, isRefused));
    isRefused ||= rule.result !== "passes";
  }
  hops.push(answerHop(explanation));
  return hops;
}

function storeHop(store, isDecided) {
  const title = make("span", {}, "Store ", text(store.store));
  if (isDecided) {
    const what = { holds: "it holds the session too", absent: "it does not hold the session", failed: "it fails" };
    return hop("idle", title, "not asked", paragraph(`An earlier store decides; ${what[store.result] ?? store.result}.`));
  }
  if (store.result === "failed") return hop("bad", title, "fails", paragraph(text(store.error)));
  if (store.result !== "holds") return hop("idle", title, "does not hold it");
  const { record } = store;
  const ports = [["HTTP", record.http_port], ["QUIC", record.quic_port]];
  const offered = ports.map(([name, port]) => (port ? `${name} ${port}` : `no ${name}`)).join(", ");
  const expires = record.expires_at_ms == null ? ["never expires"] : ["expires ", timeOfMs(record.expires_at_ms)];
  const details = [
    paragraph("as ", text(record.target_id ?? record.id), " on ", text(record.host)),
    make("p", { className: "quiet" }, `${offered}, ${record.state}, `, ...expires),
  ];
  if (store.stale_ms === undefined) return hop("ok", title, "holds it", ...details);
  details.push(paragraph(`The store fails; a cache returned what it held ${seconds(store.stale_ms)} ago.`));
  return hop("warn", title, "holds it, stale", ...details);
}

function ruleHop(rule, isRefused) {
  const title = rule.kind === "rule" ? (RULES[rule.rule] ?? words(rule.rule)) : make("span", {}, "Policy ", text(rule.rule));
  const why = rule.detail ?? rule.error;
  const details = why === undefined ? [] : [paragraph(text(why))];
  if (isRefused) {
    const would = rule.result === "passes" ? "not reached; passes" : "not reached; would refuse too";
    return hop(rule.result === "passes" ? "idle" : "warn", title, would, ...details);
  }
  if (rule.result === "passes") return hop("ok", title, "passes");
  return hop("bad", title, rule.result === "breaks" ? "refuses" : "fails", ...details);
}

function answerHop(explanation) {
  if (explanation.outcome === "found") {
    const { answer } = explanation;
    const host = answer.DcvServerEndpoint.includes(":") ? `[${answer.DcvServerEndpoint}]` : answer.DcvServerEndpoint;
    return answerBox("ok", "Found", make("span", { className: "mono" }, text(`${host}:${answer.Port}${answer.WebUrlPath}`)));
  }
  if (explanation.outcome === "not_found") {
    const box = answerBox("bad", `Not found: ${words(explanation.reason)}`, text(explanation.detail));
    const hint = HINTS[explanation.reason];
    if (hint) box.lastChild.append(paragraph(hint));
    return box;
  }
  return answerBox("bad", "Not answered", text(explanation.error));
}

function answerBox(tone, title, detail) {
  const box = make("div", { className: "answer" }, make("h3", {}, make("strong", {}, title)), paragraph(detail));
  const element = make("li", {}, box);
  element.dataset.tone = tone;
  return element;
}

function suggestions(near, explanation) {
  const items = near.map((suggestion) => {
    const button = make("button", { type: "button" }, text(suggestion.session_id));
    const request = { id: suggestion.session_id, transport: explanation.transport, client: explanation.client_ip };
    button.addEventListener("click", () => explain(request, { from: openedFrom }));
    const store = make("span", {}, suggestion.match_kind, " (store ", text(suggestion.store), ")");
    return make("li", {}, button, make("span", { className: "quiet" }, store));
  });
  return make("div", { className: "near" }, make("h3", {}, "Did you mean"), make("ul", {}, ...items));
}

// ---- Polling ---------------------------------------------------------------

let isPaused = false;
let isPolling = false;
let pollMs = POLL_MS;
let timer;

/// Refreshes what is shown, and does so again after a while: not while paused,
/// and not while nobody sees the page.
async function poll() {
  clearTimeout(timer);
  if (isPaused || isPolling || document.hidden) return;
  isPolling = true;
  const results = await Promise.allSettled([refreshStores(), refreshDecisions()]);
  isPolling = false;
  const failed = results.find((result) => result.status === "rejected" && result.reason.status !== 401);
  if (failed) {
    pollMs = Math.min(pollMs * 2, SLOWEST_POLL_MS);
    showProblem(`Not up to date: ${reason(failed.reason)}. Trying again in ${pollMs / 1_000} s.`);
    if (results[0].status === "rejected") {
      at("state").dataset.tone = "bad";
      at("state").textContent = "No answer";
    }
  } else {
    pollMs = POLL_MS;
    showProblem("");
    at("updated").replaceChildren("updated ", time(new Date().toISOString()), " UTC");
  }
  timer = setTimeout(poll, pollMs);
}

at("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  at("pause").setAttribute("aria-pressed", String(isPaused));
  poll();
});

document.addEventListener("visibilitychange", poll);
poll();
