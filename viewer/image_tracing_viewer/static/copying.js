// Copy buttons: data-copy names an element whose text is meant, data-copy-text is the text itself.
import { reply } from "./announcing.js";

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Over plain http from another machine there is no clipboard object.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (!isDone) throw new Error("the browser refused to copy");
}

export function useCopyButtons() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text]");
    if (!button) return;
    const text = button.dataset.copyText ?? document.getElementById(button.dataset.copy).textContent;
    try {
      await copy(text);
      button.dataset.done = "";
      reply("Copied");
      setTimeout(() => delete button.dataset.done, 1500);
    } catch {
      reply("The browser did not allow copying");
    }
  });
}
