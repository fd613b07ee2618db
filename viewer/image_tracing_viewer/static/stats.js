// The dashboard's charts: values where the reader points, arrow keys that read them, and dragging that zooms in.
// Without this script the points still have titles and links, and each chart its figures as a table.
import { reply } from "./announcing.js";

const LEAST_DRAG_PX = 6;
const VALUES_MOST = 14;
const SVG = "http://www.w3.org/2000/svg";

const results = document.getElementById("results");
// What the reader points at: the chart's name and the place on its axis. Charts are replaced while it lasts.
let pointed = null;
let drag = null;
let tip = null;

const figureOf = (target) => target.closest?.(".figure.time");
const plotOf = (figure) => figure.querySelector(".plot");
const nameOf = (figure) => figure.closest(".chart").id;
const placesOf = (plot) => plot.dataset.xs.trim().split(" ").map(Number);

// Two charts over time can share a card, but only the first has rows of buckets in the first table.
function rowOf(figure, index) {
  return figure.closest(".chart").querySelector(".twin table").tBodies[0].rows[index];
}

function nearest(plot, clientX) {
  const box = plot.getBoundingClientRect();
  const share = (100 * (clientX - box.left)) / box.width;
  let found = 0;
  placesOf(plot).forEach((x, index, all) => {
    if (Math.abs(x - share) < Math.abs(all[found] - share)) found = index;
  });
  return found;
}

function told(figure, index) {
  const row = rowOf(figure, index);
  const head = row.closest("table").tHead.rows[0];
  const values = [...row.cells].slice(1).map((cell, at) => {
    const column = head.cells[at + 1];
    return { label: column.textContent, swatch: column.querySelector(".swatch"), value: cell.textContent };
  });
  return { name: row.cells[0].textContent, values };
}

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function showTip(figure, index) {
  const { name, values } = told(figure, index);
  const list = element("dl");
  for (const { label, swatch, value } of values.slice(0, VALUES_MOST)) {
    list.append(element("dt", "", ...(swatch ? [swatch.cloneNode()] : []), label), element("dd", value));
  }
  tip?.remove();
  tip = element("div", "", element("strong", name), list);
  tip.className = "tip";
  tip.setAttribute("aria-hidden", "true");
  figure.append(tip);
  const plot = plotOf(figure).getBoundingClientRect();
  const holder = figure.getBoundingClientRect();
  const x = plot.left - holder.left + (plot.width * placesOf(plotOf(figure))[index]) / 100;
  const isRight = x + tip.offsetWidth + 16 <= holder.width || x < tip.offsetWidth + 16;
  const left = isRight ? Math.min(x + 14, holder.width - tip.offsetWidth) : x - tip.offsetWidth - 14;
  tip.style.left = `${Math.max(0, left)}px`;
}

function showCursor(figure, index) {
  const plot = plotOf(figure);
  const x = placesOf(plot)[index];
  const line = document.createElementNS(SVG, "line");
  line.setAttribute("class", "cursor");
  for (const name of ["x1", "x2"]) line.setAttribute(name, `${x}%`);
  line.setAttribute("y2", plot.getAttribute("height") - 22);
  plot.querySelector(".ticks").after(line);
  for (const circle of plot.querySelectorAll("circle")) {
    circle.classList.toggle("is-near", Math.abs(parseFloat(circle.getAttribute("cx")) - x) < 0.01);
  }
}

function leave() {
  tip?.remove();
  tip = null;
  for (const line of results.querySelectorAll(".cursor")) line.remove();
  for (const circle of results.querySelectorAll(".is-near")) circle.classList.remove("is-near");
  pointed = null;
}

function point(figure, index) {
  const name = nameOf(figure);
  if (pointed?.name === name && pointed.index === index && figure.contains(tip)) return;
  leave();
  pointed = { name, index };
  // The browser would show them a moment later, over the values that show already.
  for (const title of figure.querySelectorAll("a > title, g > title")) title.remove();
  showCursor(figure, index);
  showTip(figure, index);
}

function moments() {
  return document.getElementById("charts").dataset.moments.split(" ");
}

function zoomTo(first, last) {
  const address = new URL(location.href);
  const [from, to] = [moments()[Math.min(first, last)], moments()[Math.max(first, last) + 1]];
  for (const name of ["range", "bucket"]) address.searchParams.delete(name);
  address.searchParams.set("from", from);
  address.searchParams.set("to", to);
  location.assign(address);
}

function showSelection() {
  const plot = plotOf(drag.figure);
  plot.querySelector(".selection")?.remove();
  const box = plot.getBoundingClientRect();
  const share = (x) => Math.min(100, Math.max(0, (100 * (x - box.left)) / box.width));
  const [from, to] = [share(drag.from), share(drag.to)].sort((a, b) => a - b);
  const area = document.createElementNS(SVG, "rect");
  area.setAttribute("class", "selection");
  area.setAttribute("x", `${from}%`);
  area.setAttribute("width", `${to - from}%`);
  area.setAttribute("height", plot.getAttribute("height") - 22);
  plot.append(area);
}

// A refresh may have put another chart in its place, or none.
function draggedFigure() {
  return drag.figure.isConnected ? drag.figure : document.getElementById(drag.name)?.querySelector(".figure.time");
}

function endDrag() {
  results.querySelector(".selection")?.remove();
  document.documentElement.classList.remove("is-zooming");
  drag = null;
}

results.addEventListener("pointerdown", (event) => {
  const plot = event.target.closest(".figure.time .plot");
  if (!plot && pointed) leave();
  if (!plot || event.button !== 0) return;
  const figure = figureOf(plot);
  drag = { name: nameOf(figure), figure, from: event.clientX, to: event.clientX, isOn: false };
});

addEventListener("pointermove", (event) => {
  if (drag) {
    drag.to = event.clientX;
    if (!drag.isOn && Math.abs(drag.to - drag.from) < LEAST_DRAG_PX) return;
    drag.isOn = true;
    const figure = draggedFigure();
    if (!figure) return endDrag();
    drag.figure = figure;
    document.documentElement.classList.add("is-zooming");
    showSelection();
    point(figure, nearest(plotOf(figure), drag.to));
    return;
  }
  const plot = event.target.closest?.(".figure.time .plot");
  if (plot) point(figureOf(plot), nearest(plot, event.clientX));
  else if (pointed && !document.activeElement?.matches(".figure.time")) leave();
});

// The click that follows at once may be on a link, which was not meant.
function swallowClick() {
  const swallow = (click) => click.preventDefault();
  addEventListener("click", swallow, { capture: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }));
}

addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { from, isOn } = drag;
  const figure = draggedFigure();
  endDrag();
  if (isOn) swallowClick();
  if (!figure) return;
  const plot = plotOf(figure);
  const index = nearest(plot, event.clientX);
  if (isOn) {
    if (moments().length > 2) zoomTo(nearest(plot, from), index);
  } else if (event.pointerType === "touch" && (pointed?.name !== nameOf(figure) || pointed.index !== index)) {
    // A finger cannot hover: its first tap shows the values, the next one follows the link.
    swallowClick();
    point(figure, index);
  }
});
addEventListener("pointercancel", endDrag);
results.addEventListener("dragstart", (event) => event.target.closest(".plot") && event.preventDefault());

results.addEventListener("keydown", (event) => {
  const figure = event.target.matches(".figure.time") ? event.target : null;
  if (!figure || event.ctrlKey || event.metaKey || event.altKey) return;
  const most = placesOf(plotOf(figure)).length - 1;
  const at = pointed?.name === nameOf(figure) ? pointed.index : null;
  const steps = { ArrowLeft: (at ?? most + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: most };
  if (event.key in steps) {
    const index = Math.min(most, Math.max(0, steps[event.key]));
    point(figure, index);
    const { name, values } = told(figure, index);
    reply(`${name}: ${values.map(({ label, value }) => `${label} ${value}`).join(", ")}`);
  } else if (event.key === "Enter" && at !== null) {
    rowOf(figure, at).querySelector("a").click();
  } else if (event.key === "Escape" && (drag || at !== null)) {
    endDrag();
    leave();
  } else {
    return;
  }
  event.preventDefault();
});
results.addEventListener("focusout", ({ target }) => {
  if (!target.matches(".figure.time")) return;
  // A refresh takes the chart away and gives the focus to its successor, which is read on at the same place.
  setTimeout(() => target.isConnected && document.activeElement !== target && leave());
});

// After a refresh the reader still points at the same place.
new MutationObserver(() => {
  if (!pointed || tip?.isConnected) return;
  const { name, index } = pointed;
  const figure = document.getElementById(name)?.querySelector(".figure.time");
  leave();
  if (figure && index < placesOf(plotOf(figure)).length) point(figure, index);
}).observe(results, { childList: true });
