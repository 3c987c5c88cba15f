// The explanation of one request, and where it is shown.

import { sessionIdIn } from "./link.js";
import { oneAtATime } from "./one_at_a_time.js";
import { path, recorded } from "./path.js";
import { read, reason } from "./requests.js";
import { markCurrent } from "./rows.js";
import { at, escaped, make, text, words } from "./text.js";

/// Counts what is shown here, so that only the latest is.
let explaining = 0;
let openedFrom;

at("explain-form").addEventListener("submit", (event) => {
  event.preventDefault();
  markCurrent(null);
  const client = at("client").value.trim();
  at("session").value = sessionIdIn(at("session").value);
  explain({ id: at("session").value, transport: at("transport").value, client: client || undefined }, {});
});

at("close").addEventListener("click", closeExplanation);

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

/// Shows what is known of a decision that has no session.
export function showDecision(decision, from) {
  explaining += 1;
  openExplanation(from);
  const none = "There is no path to show: the request was answered before its session was known.";
  showExplanation(make("p", { className: "empty" }, none), recorded(decision));
}

function showExplanation(...children) {
  at("explanation-body").replaceChildren(...children);
  at("explanation").scrollTop = 0;
  // Beside the lists it is in view.
  const isBelow = !matchMedia("(min-width: 70rem)").matches;
  if (isBelow && !at("close").hidden) at("explanation").scrollIntoView();
}

/// Explains a request, after what was decided about it, if it is one of the
/// decisions. The focus returns to the row `from`.
export function explain(request, { decision, from }) {
  const turn = ++explaining;
  openExplanation(from);
  showExplanation(make("p", { className: "empty" }, "Asking…"));
  return ask(turn, request, { decision, from });
}

const ask = oneAtATime(async (turn, request, { decision, from }) => {
  // It was closed while it waited.
  if (turn !== explaining) return;
  const then = decision ? [recorded(decision)] : [];
  const parameters = { sessionId: request.id, transport: request.transport };
  if (request.client !== undefined) parameters.clientIpAddress = request.client;
  try {
    const explanation = await read("explain", parameters);
    if (turn !== explaining) return;
    const hops = path(explanation, request.client, (near) => explain(near, { from }));
    showExplanation(...hops, ...then);
    const reasonWord = explanation.reason ? `, ${words(explanation.reason)}` : "";
    announce(`${escaped(request.id)}: ${words(explanation.outcome)}${reasonWord}`);
  } catch (error) {
    if (turn !== explaining) return;
    const message = make("p", { className: "notice" }, "No explanation: ", text(reason(error)));
    showExplanation(message, ...then);
    announce("no explanation");
  }
});

function announce(message) {
  at("announcement").textContent = message;
}
