// Single keys; they can be switched off, since speech input and stray fingers set them off too (WCAG 2.1.4).
const STORED = "image-tracing-shortcuts";

function areOn() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}

function moveInRows(step) {
  const links = [...document.querySelectorAll("tr[data-id] .c-what a")];
  const row = document.activeElement.closest("tr[data-id]");
  const at = row ? links.findIndex((link) => row.contains(link)) : -1;
  const target = links[Math.min(links.length - 1, Math.max(0, at + step))];
  target?.focus();
  target?.closest("tr").scrollIntoView({ block: "nearest" });
}

function follow(relation) {
  document.querySelector(`a[rel="${relation}"]`)?.click();
}

export function useShortcuts(main, live) {
  const dialog = document.getElementById("shortcuts");
  const box = document.getElementById("shortcuts-on");
  box.checked = areOn();
  box.addEventListener("change", () => {
    try {
      if (box.checked) localStorage.removeItem(STORED);
      else localStorage.setItem(STORED, "off");
    } catch {
      // Without storage the choice lasts for this page.
    }
  });
  document.querySelector("[data-shortcuts]").addEventListener("click", () => dialog.showModal());

  const isList = main.dataset.page === "traces";
  const isTrace = main.dataset.page === "trace";
  const keys = new Map([
    ["j", () => (isList ? moveInRows(1) : follow("next"))],
    ["k", () => (isList ? moveInRows(-1) : follow("prev"))],
    ["ArrowRight", () => isTrace && follow("next")],
    ["ArrowLeft", () => isTrace && follow("prev")],
    ["u", () => document.querySelector("[data-back]")?.click()],
    ["/", () => document.querySelector("input[name=q]")?.focus()],
    ["p", () => live?.toggle()],
    ["?", () => dialog.showModal()],
  ]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !box.checked) return;
    if (event.target.closest("input, select, textarea, dialog[open], [contenteditable]")) return;
    // Arrows scroll wide content that has the focus.
    if (event.key.startsWith("Arrow") && event.target.closest("pre, .scroll, .prompt, summary")) return;
    const act = keys.get(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  });
}
