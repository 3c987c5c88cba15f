// Requests to the listener that the page came from, and the token for them.

import { at } from "./text.js";

const TIME_LIMIT_MS = 10_000;

/// In memory alone, so that it is gone with the page.
let token = "";
/// What the header that carries it may hold.
const TOKEN = /^[!-~]+$/;

/// A response that is not what was asked for.
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/// Returns the JSON of a path.
export async function read(path, parameters = {}) {
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

/// Returns why a request failed, as part of a sentence.
export function reason(error) {
  if (error.status === 401) return "enter a token above";
  if (error instanceof Refusal) return error.message;
  return error.name === "TimeoutError" ? "no answer in time" : "the resolver cannot be reached";
}

/// Whether the resolver waits for a token, and for no request without.
export let needsToken = false;

function askForToken() {
  needsToken = true;
  at("token-form").hidden = false;
  at("token-refused").hidden = !token;
}

/// Calls `listener` whenever there is another token, after it is set.
export function onToken(listener) {
  at("token-form").addEventListener("submit", listener);
}

onToken((event) => {
  event.preventDefault();
  const entered = at("token").value.trim();
  at("token").value = "";
  if (!TOKEN.test(entered)) {
    at("token-refused").hidden = false;
    at("token").focus();
    event.stopImmediatePropagation();
    return;
  }
  token = entered;
  at("token-form").hidden = true;
  needsToken = false;
  // The form that had the focus is gone, and each list may be hidden.
  at("main").focus();
});
