// One polite status line for screen readers; what comes in quick succession is joined, so that it does not babble.
const LEAST_PAUSE_MS = 5000;
let spokenAt = 0;
let waiting = null;

export function announce(text) {
  clearTimeout(waiting);
  const pause = Math.max(50, spokenAt + LEAST_PAUSE_MS - Date.now());
  waiting = setTimeout(() => {
    spokenAt = Date.now();
    document.getElementById("announcements").textContent = text;
  }, pause);
}
