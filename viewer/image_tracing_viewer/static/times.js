// Times in the browser's zone, with its name; the server writes UTC. The wording is that of formats.ago.
const zoneName = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

export function zone(moment = new Date()) {
  return zoneName.formatToParts(moment).find((part) => part.type === "timeZoneName").value;
}

const two = (number) => String(number).padStart(2, "0");

export function localDate(moment) {
  return `${String(moment.getFullYear()).padStart(4, "0")}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

export function localTime(moment) {
  return `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
}

export function absolute(moment) {
  return `${localDate(moment)} ${localTime(moment)} ${zone(moment)}`;
}

export function ago(moment, now = new Date()) {
  const seconds = Math.floor((now - moment) / 1000);
  if (seconds < -60) return absolute(moment);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 30 * 86400) return `${Math.floor(seconds / 86400)} d ago`;
  return localDate(moment);
}

// How long something has run that has no end yet; the wording is that of formats.elapsed.
export function elapsed(moment, now = new Date()) {
  const seconds = Math.max(0, Math.floor((now - moment) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export function showTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const isAbsolute = "absolute" in element.dataset;
    const text = isAbsolute ? absolute(moment) : "elapsed" in element.dataset ? elapsed(moment) : ago(moment);
    const title = isAbsolute ? moment.toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC") : absolute(moment);
    if (element.textContent !== text) element.textContent = text;
    if (element.title !== title) element.title = title;
  }
}

export function keepTimesFresh() {
  setInterval(() => {
    if (!document.hidden) showTimes(document);
  }, 10_000);
}
