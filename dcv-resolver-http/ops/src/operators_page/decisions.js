// The last decisions of each kind, filtered as one types.

import { explain, showDecision } from "./explanation.js";
import { needsToken, read } from "./requests.js";
import { cell, markCurrent, optional, pickButton, roving, row } from "./rows.js";
import { at, badge, escaped, make, text, time, words } from "./text.js";

const OUTCOME_TONES = { found: "ok", not_found: "warn", error: "bad" };
const decisionRows = at("decision-rows");
/// What each row shows, and its text in lower case for the filter.
const decisions = new Map();
let newest = { number: 0 };
const settleDecisions = roving(decisionRows, (element) => explainDecision(element));

export async function refreshDecisions() {
  if (needsToken) return;
  try {
    showDecisions((await read("decisions")).decisions);
  } catch (error) {
    // Those that are shown stay, as after any other failure.
    if (error.status === 401) filterDecisions();
    throw error;
  }
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
  const outcomeCell = cell("outcome", "", ...outcomeOf(decision));
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
    isNotOffered(decision) && NOT_OFFERED, id, id && escaped(id), decision.transport, decision.client_ip, decision.store, decision.policy,
    decision.caller, decision.request_id, decision.time];
  decisions.set(element, { decision, searched: fields.filter(Boolean).join("\n").toLowerCase() });
  return element;
}

// The session was found, and one of the two requests of a login often has no port.
const NOT_OFFERED = "not offered";
const isNotOffered = (decision) => decision.reason === "transport_not_offered";

function outcomeOf(decision) {
  const { outcome, reason } = decision;
  if (isNotOffered(decision)) return [badge(decision.transport === "QUIC" ? "idle" : "warn", NOT_OFFERED)];
  const shown = [badge(OUTCOME_TONES[outcome] ?? "idle", words(outcome))];
  if (reason) shown.push(make("span", { className: "reason" }, words(reason)));
  return shown;
}

function filterDecisions() {
  const wanted = at("filter").value.toLowerCase().split(" ").filter(Boolean);
  const onlyFailed = at("failed").checked;
  let shown = 0;
  for (const [element, { decision, searched }] of decisions) {
    const isOfKind = !onlyFailed || decision.outcome !== "found";
    element.hidden = !isOfKind || !wanted.every((word) => searched.includes(word));
    if (!element.hidden) shown += 1;
  }
  const total = decisions.size;
  const isFiltered = onlyFailed || wanted.length > 0;
  at("decisions-count").textContent = total === 0 ? "" : isFiltered ? `${shown} of ${total}` : `${total} decisions`;
  const empty = at("decisions-empty");
  empty.hidden = shown > 0;
  const none = needsToken ? "The decisions need a token: enter it above." : "No gateway has sent a request since the resolver started.";
  empty.textContent = total > 0 ? "No decision matches." : none;
  decisionRows.closest(".scroll").hidden = shown === 0;
  settleDecisions();
}

at("filter").addEventListener("input", filterDecisions);
at("failed").addEventListener("change", filterDecisions);

function explainDecision(element) {
  const { decision } = decisions.get(element);
  markCurrent(element);
  if (decision.session_id !== undefined) {
    const request = { id: decision.session_id, transport: decision.transport, client: decision.client_ip };
    explain(request, { decision, from: element });
    return;
  }
  showDecision(decision, element);
}
