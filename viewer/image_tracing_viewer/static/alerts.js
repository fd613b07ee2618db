// The page of the alerts brings itself up to date, a little more often than its rules are looked at.
import { putInPlace } from "./refreshing.js";

const PAUSE_MS = 10_000;
const results = document.getElementById("results");
let shown = null;

async function refresh() {
  // A page of older history does not change, and somebody who writes is not disturbed.
  if (document.hidden || results.contains(document.activeElement?.closest("details[open]"))) return;
  const address = new URL(location.href);
  address.searchParams.set("partial", "alerts");
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const html = await answer.text();
    if (html !== shown) putInPlace(results, html);
    shown = html;
  } catch {
    // The server is away; the next look may find it.
  }
}

if (results) {
  setInterval(refresh, PAUSE_MS);
  document.addEventListener("visibilitychange", refresh);
}
