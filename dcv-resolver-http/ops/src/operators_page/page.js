// The page of the operators: its tabs, and how it keeps up to date.

import { refreshDecisions } from "./decisions.js";
import { onToken, reason } from "./requests.js";
import { listSessions } from "./sessions.js";
import { refreshStores } from "./stores.js";
import { at, time } from "./text.js";

const POLL_MS = 3_000;
const SLOWEST_POLL_MS = 30_000;

const tabs = [at("decisions-tab"), at("sessions-tab")];

function selectTab(chosen) {
  for (const tab of tabs) {
    const isChosen = tab === chosen;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    at(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
  if (chosen === tabs[1]) listSessions();
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

function showProblem(message) {
  const problem = at("problem");
  problem.hidden = !message;
  // Set only when it changes, so that it is announced once.
  if (problem.textContent !== message) problem.textContent = message;
}

let isPaused = false;
let isPolling = false;
let pollMs = POLL_MS;
let timer;

/// Refreshes what is shown, and does so again after a while: not while paused,
/// and not while the page is hidden.
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
onToken(() => {
  poll();
  if (!at("sessions").hidden) listSessions();
});
poll();
