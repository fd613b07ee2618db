// Puts fresh results from the server in place: rows that did not change stay untouched, with their focus and selection.
import { showTimes } from "./times.js";

const HIGHLIGHT_MS = 4000;
const shown = new WeakMap();

// How a time is told (relative, in which zone) differs at each look; only the moment itself can change.
const TIME = /<time\b[^>]*\bdatetime="([^"]*)"[^>]*>[^<]*/g;
const withoutTimes = (html) => html.replace(TIME, "<time>$1");
const essence = (element) => withoutTimes(element.outerHTML);

export function remember(results) {
  for (const row of results.querySelectorAll("tr[data-id]")) shown.set(row, essence(row));
}

function focusedControl(results) {
  const active = document.activeElement;
  if (!results.contains(active)) return null;
  const row = active.closest("tr[data-id]");
  const holder = row ?? active.closest("[id]");
  const place = [...holder.querySelectorAll(active.tagName)].indexOf(active);
  return { id: row ? row.dataset.id : holder.id, tag: active.tagName, place, isRow: Boolean(row) };
}

function restoreFocus(results, focused) {
  if (!focused?.id || results.contains(document.activeElement)) return;
  const holder = focused.isRow
    ? results.querySelector(`tr[data-id="${CSS.escape(focused.id)}"]`)
    : document.getElementById(focused.id);
  const target = focused.place < 0 ? holder : holder?.querySelectorAll(focused.tag)[focused.place];
  target?.focus({ preventScroll: true });
}

function mergeRows(results, fresh) {
  const body = results.querySelector("tbody");
  const old = new Map([...body.rows].map((row) => [row.dataset.id, row]));
  let added = 0;
  let changed = 0;
  const rows = [...fresh.querySelectorAll("tbody > tr")].map((row) => {
    const text = essence(row);
    const before = old.get(row.dataset.id);
    if (before && shown.get(before) === text) return before;
    shown.set(row, text);
    row.classList.add("is-new");
    setTimeout(() => row.classList.remove("is-new"), HIGHLIGHT_MS);
    if (before) changed += 1;
    else added += 1;
    return row;
  });
  // Moves only what is out of place: moving a focused element would take its focus away.
  rows.forEach((row, index) => {
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  while (body.rows.length > rows.length) body.rows[body.rows.length - 1].remove();
  results.querySelector(".pager").replaceWith(fresh.querySelector(".pager"));
  return { added, changed };
}

function replaceAll(results, fresh) {
  const open = new Map([...results.querySelectorAll("details[id]")].map((details) => [details.id, details.open]));
  results.replaceChildren(...fresh.childNodes);
  for (const details of results.querySelectorAll("details[id]")) {
    if (open.has(details.id)) details.open = open.get(details.id);
  }
  remember(results);
  return { added: 0, changed: 1 };
}

function isSame(before, after) {
  if (before.nodeType !== Node.ELEMENT_NODE) return before.nodeValue === after.nodeValue;
  // Whether it is open is the reader's.
  if (before.nodeName === "DETAILS") return withoutTimes(before.innerHTML) === withoutTimes(after.innerHTML);
  return essence(before) === essence(after);
}

function change(before, after) {
  if (isSame(before, after)) return;
  if (before.nodeType !== Node.ELEMENT_NODE) before.nodeValue = after.nodeValue;
  // A menu that means something else now is closed, so that nobody presses what he did not read.
  else if (["DETAILS", "TIME"].includes(before.nodeName)) before.replaceWith(after);
  else {
    for (const { name } of [...before.attributes]) if (!after.hasAttribute(name)) before.removeAttribute(name);
    for (const { name, value } of after.attributes) before.setAttribute(name, value);
    mergeNodes(before, after);
  }
}

// Elements with an id are found again by it, the others by their place.
function mergeNodes(before, after) {
  const ids = new Set([...after.children].map((child) => child.id));
  for (const child of [...before.children]) if (child.id && !ids.has(child.id)) child.remove();
  const named = new Map([...before.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = before.firstChild;
  for (const node of [...after.childNodes]) {
    const isNext = place && !place.id && place.nodeName === node.nodeName;
    const old = node.id ? named.get(node.id) : isNext ? place : null;
    if (old && old === place) place = place.nextSibling;
    else before.insertBefore(old ?? node, place);
    if (old) change(old, node);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function mergeAll(results, fresh) {
  mergeNodes(results, fresh);
  return { added: 0, changed: 1 };
}

export function putInPlace(results, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const focused = focusedControl(results);
  const isTable = results.querySelector("table.rows tbody") && fresh.querySelector("table.rows tbody");
  const put = isTable ? mergeRows : "merged" in results.dataset ? mergeAll : replaceAll;
  const told = put(results, fresh);
  showTimes(results);
  restoreFocus(results, focused);
  return told;
}
