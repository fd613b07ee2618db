// Live updates: server-sent events tell that something changed, and the page asks the server for its results again.
// Where events do not come through, or tell nothing of what the page shows, it asks every few seconds instead.
import { announce, reply } from "./announcing.js";
import { putInPlace, remember } from "./refreshing.js";

const POLL_MS = 4000;
const LEAST_PAUSE_MS = 700;
const ERRORS_UNTIL_POLLING = 3;

const spoken = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

class Live {
  constructor(main) {
    this.main = main;
    this.results = document.getElementById("results");
    this.button = document.querySelector("[data-live-toggle]");
    this.isPaused = false;
    this.source = null;
    this.errors = 0;
    this.missed = new Set();
    this.refreshedAt = 0;
    this.timer = null;
    this.poll = null;
    this.busy = null;
    this.isAsking = false;
    remember(this.results);
    this.button?.addEventListener("click", () => this.toggle());
    // A hidden page holds no connection: a browser has only six of them for one server.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start(true)));
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => event.persisted && this.start(true));
    this.start(false);
  }

  start(isReturn) {
    if (document.hidden) return;
    if (isReturn && !this.isPaused) this.refresh();
    this.listen();
  }

  stop() {
    this.source?.close();
    this.source = null;
    clearInterval(this.poll);
    this.poll = null;
    clearTimeout(this.timer);
    this.timer = null;
  }

  listen() {
    if (this.source || this.poll) return;
    if (!this.main.dataset.events) {
      this.startPolling();
      return;
    }
    this.source = new EventSource(this.main.dataset.events);
    this.source.addEventListener("open", () => {
      this.errors = 0;
      this.show();
    });
    this.source.addEventListener("trace", (event) => this.changed(JSON.parse(event.data).id));
    this.source.addEventListener("reset", () => this.changed("reset"));
    this.source.addEventListener("error", () => {
      this.errors += 1;
      if (this.source?.readyState === EventSource.CLOSED || this.errors >= ERRORS_UNTIL_POLLING) {
        this.source?.close();
        this.source = null;
        this.startPolling();
      }
      this.show();
    });
  }

  startPolling() {
    const pause = Math.max(POLL_MS, Number(this.main.dataset.pause ?? 0));
    // What a slow server has not answered yet is not asked again.
    this.poll ??= setInterval(() => !this.isPaused && !this.isAsking && this.refresh(), pause);
  }

  changed(id) {
    if (this.main.dataset.id && id !== "reset" && id !== this.main.dataset.id) return;
    this.missed.add(id);
    if (this.isPaused) {
      this.show();
      return;
    }
    const leastPause = Number(this.main.dataset.pause ?? LEAST_PAUSE_MS);
    const pause = Math.max(0, this.refreshedAt + leastPause - Date.now());
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.refresh();
    }, pause);
  }

  refresh({ evenPaused = false } = {}) {
    // Two answers must not overtake each other.
    this.busy = (this.busy ?? Promise.resolve()).then(() => this.fetch(evenPaused));
    return this.busy;
  }

  async fetch(evenPaused) {
    this.refreshedAt = Date.now();
    this.isAsking = true;
    const changes = [...this.missed];
    const address = new URL(location.href);
    address.searchParams.set("partial", this.main.dataset.partial ?? "rows");
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const text = await answer.text();
      this.isAway = false;
      // Where the reader paused since, what is looked at stays as it is.
      if (!this.isPaused || evenPaused) {
        const before = this.summary();
        this.tell(putInPlace(this.results, text), before);
        for (const id of changes) this.missed.delete(id);
      }
    } catch {
      this.isAway = true;
    }
    this.isAsking = false;
    this.show();
  }

  summary() {
    return this.results.querySelector("[data-summary]")?.textContent;
  }

  tell({ added, changed }, before) {
    if (added) announce(`${spoken(added, "new generation")}${changed ? `, ${changed} changed` : ""}`);
    else if (this.main.dataset.page === "trace") announce("This generation changed");
    else if (this.summary() !== before) announce(this.summary());
  }

  toggle() {
    this.isPaused = !this.isPaused;
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.isPaused) this.refresh();
    reply(this.isPaused ? "Live updates paused" : "Live updates resumed");
    this.show();
  }

  show() {
    if (!this.button) return;
    const label = this.isPaused
      ? this.missed.size
        ? `Paused · ${this.missed.size} changed`
        : "Paused"
      : this.isAway
        ? "Offline"
        : "Live";
    this.button.setAttribute("aria-pressed", String(!this.isPaused));
    this.button.dataset.state = this.isPaused ? "paused" : this.isAway ? "offline" : "live";
    this.button.querySelector("[data-live-label]").textContent = label;
  }
}

export function useLiveUpdates(main) {
  return "live" in main.dataset ? new Live(main) : null;
}
