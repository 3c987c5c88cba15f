// The path of a request: each store, each rule and the answer.

import { duration, make, seconds, text, timeOfMs, words } from "./text.js";

const RULES = { live: "Not expired", ready: "Ready", transport_offered: "Offers the transport" };
/// What an operator looks at next.
const HINTS = {
  unknown: "Compare the id with the link that the user clicked, and check that the session was registered.",
  expired: "Its lease was not renewed. Check that the program that registers the session still runs on its server.",
  not_ready: "The DCV server reports that the session cannot be used yet, or no longer.",
  transport_not_offered: "The session has no port for this transport. The client may use the other one.",
  denied: "A policy denies this client access to the session. Behind a load balancer, the client's address may be that of the load balancer.",
};

/// Returns what was decided then; the path is that of the same request now.
export function recorded(decision) {
  const list = make("dl", {});
  const add = (name, ...value) => list.append(make("dt", {}, name), make("dd", {}, ...value));
  add("time", make("span", { className: "mono" }, decision.time));
  const answer = [words(decision.outcome), decision.reason && words(decision.reason), decision.status];
  add("answer", answer.filter(Boolean).join(", "), ` in ${duration(decision.elapsed_us)}`);
  if (decision.store) add("store", text(decision.store));
  if (decision.policy) add("policy", text(decision.policy));
  if (decision.caller) add("gateway", text(decision.caller));
  add("request id", make("span", { className: "mono" }, text(decision.request_id)));
  return make("div", { className: "recorded" }, make("strong", {}, "The recorded decision"), list);
}

/// Returns the path of a request, hop by hop. `pick` is called with a request
/// for a session that may have been meant.
export function path(explanation, client, pick) {
  const asked = make("p", { className: "asked" }, text(explanation.session_id));
  const hops = make("ol", { className: "path" }, ...hopsOf(explanation, client));
  const now = make("p", { className: "quiet" }, "The path as it is now, ", timeOfMs(explanation.now_ms), " UTC");
  const near = explanation.did_you_mean ?? [];
  const parts = [asked, now, hops];
  if (near.length > 0) parts.push(suggestions(near, explanation, pick));
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
    const what = { holds: "this one holds the session too", absent: "this one does not hold the session", failed: "this one fails" };
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
  if (store.made_by) details.push(make("p", { className: "quiet" }, "made by ", text(store.made_by)));
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
    const isNotOffered = explanation.reason === "transport_not_offered";
    const title = isNotOffered ? `Not offered over ${explanation.transport}` : `Not found: ${words(explanation.reason)}`;
    const box = answerBox(isNotOffered ? "warn" : "bad", title, text(explanation.detail));
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

function suggestions(near, explanation, pick) {
  const items = near.map((suggestion) => {
    const button = make("button", { type: "button" }, text(suggestion.session_id));
    const request = { id: suggestion.session_id, transport: explanation.transport, client: explanation.client_ip };
    button.addEventListener("click", () => pick(request));
    const store = make("span", {}, suggestion.match_kind, " (store ", text(suggestion.store), ")");
    return make("li", {}, button, make("span", { className: "quiet" }, store));
  });
  return make("div", { className: "near" }, make("h3", {}, "Did you mean"), make("ul", {}, ...items));
}
