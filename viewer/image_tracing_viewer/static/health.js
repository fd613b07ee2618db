// The strip that tells of spans that wait or were lost: asked for every few seconds, since no change of a row tells of it.
import { announce } from "./announcing.js";

const PAUSE_MS = 5000;
const key = (holder) => `image-tracing-losses-seen ${holder.dataset.address}`;

function seen(holder) {
  try {
    return localStorage.getItem(key(holder));
  } catch {
    return null;
  }
}

function remember(holder, lost) {
  try {
    localStorage.setItem(key(holder), lost);
  } catch {
    // Storage is off: the strip stays.
  }
}

// Losses are of the past, and nothing makes them good: a reader who has seen them may put them away.
function hideSeenLosses(holder) {
  const losses = holder.querySelector("[data-lost]");
  if (!losses) return;
  const isSeen = seen(holder) === losses.dataset.lost;
  losses.hidden = isSeen;
  holder.querySelector("[data-hide-losses]").hidden = isSeen;
  holder.querySelector("section").hidden = isSeen && !holder.querySelector(".troubles");
}

function told(holder) {
  const section = holder.querySelector("section:not([hidden])");
  if (!section) return { subjects: "", text: "" };
  const items = [...section.querySelectorAll("ul:not([hidden]) > li")].map((item) => item.textContent);
  return { subjects: section.dataset.subjects, text: items.join(". ") };
}

function putInPlace(holder, html) {
  const before = told(holder);
  const isFocused = holder.contains(document.activeElement);
  holder.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  hideSeenLosses(holder);
  if (isFocused) holder.querySelector("[data-hide-losses]")?.focus({ preventScroll: true });
  const after = told(holder);
  // Figures grow at each look; only what is new is worth a word.
  if (after.subjects !== before.subjects) announce(after.text || "All spans are stored again");
}

export function useHealth() {
  const holder = document.getElementById("health");
  if (!holder) return;
  let shown = null;
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(holder.dataset.address, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const html = await answer.text();
      if (html !== shown) putInPlace(holder, html);
      shown = html;
    } catch {
      // The server is away, which the rows tell.
    }
  };
  holder.addEventListener("click", (event) => {
    if (!event.target.closest("[data-hide-losses]")) return;
    remember(holder, holder.querySelector("[data-lost]").dataset.lost);
    hideSeenLosses(holder);
    document.getElementById("main").focus({ preventScroll: true });
  });
  hideSeenLosses(holder);
  setInterval(refresh, PAUSE_MS);
  document.addEventListener("visibilitychange", refresh);
}
