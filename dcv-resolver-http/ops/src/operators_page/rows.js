// Rows of a table that are buttons.

import { make, text } from "./text.js";

/// Lets Tab reach one row of a list and the arrow keys the others: no one
/// wants to press Tab two hundred times.
export function roving(rows, pick) {
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
    // A click that ends a selection is not meant for the row; one of the
    // keyboard, without a count, is.
    const isMeant = event.detail === 0 || !String(getSelection());
    if (row && isMeant) pick(row);
  });
  return settle;
}

export function cell(className, label, ...children) {
  const element = make("td", { className }, ...children);
  element.setAttribute("role", "cell");
  if (label && children.length > 0) element.dataset.label = label;
  return element;
}

export function row(...cells) {
  const element = make("tr", {}, ...cells);
  element.setAttribute("role", "row");
  return element;
}

export function pickButton(...children) {
  return make("button", { className: "pick", type: "button", tabIndex: -1 }, ...children);
}

/// Marks the row that is explained; null for none.
export function markCurrent(element) {
  for (const other of document.querySelectorAll("tr[aria-current]")) other.removeAttribute("aria-current");
  element?.setAttribute("aria-current", "true");
}

export const optional = (value, show = text) => (value === undefined ? [] : [show(value)]);
