// The stores, and whether the process is ready.

import { read } from "./requests.js";
import { at, badge, make, seconds, text, words } from "./text.js";

const STORE_TONES = { up: "ok", failing: "warn", down: "bad", new: "idle" };
const STATES = {
  serving: ["ok", "Ready"],
  store_down: ["bad", "Not ready: a store is down"],
  draining: ["warn", "Shutting down"],
};

/// Their names, in the order in which they are asked.
export let storeNames = [];

export async function refreshStores() {
  const report = await read("readyz");
  storeNames = report.stores.map((store) => store.store);
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
  if (store.required === false) card.append(detail("is not required for readiness"));
  if (store.error) card.append(detail(text(store.error)));
  if (store.writable === false) card.append(detail("is not writable: ", text(store.write_error ?? "")));
  for (const warning of store.warnings ?? []) card.append(detail(text(warning)));
  return card;
}
