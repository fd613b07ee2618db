// One polite status line for screen readers.
const LEAST_PAUSE_MS = 5000;
const A_MOMENT_MS = 50;
let spokenAt = 0;
let waiting = null;

function say(text, pause) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    spokenAt = Date.now();
    document.getElementById("announcements").textContent = text;
  }, pause);
}

// What happens by itself: of what comes in quick succession the last is told, so that it does not babble.
export function announce(text) {
  say(text, Math.max(A_MOMENT_MS, spokenAt + LEAST_PAUSE_MS - Date.now()));
}

// What the reader did is answered at once.
export function reply(text) {
  say(text, A_MOMENT_MS);
}
