// Deleting one generation or all of them, each after a question.
import { reply } from "./announcing.js";

async function remove(api, parameters) {
  const answer = await fetch(`${api}?${new URLSearchParams(parameters)}`, { method: "DELETE", redirect: "error" });
  if (answer.ok) return (await answer.json()).deleted;
  // Someone else was quicker; what was wanted is the case.
  if (answer.status === 404) return 0;
  const body = await answer.json().catch(() => null);
  throw new Error(body?.error?.message ?? `the viewer answered with status ${answer.status}`);
}

function ask(dialog, act) {
  const problem = dialog.querySelector(".problem");
  const button = dialog.querySelector("button[value=delete]");
  const form = dialog.querySelector("form");
  problem.hidden = true;
  form.onsubmit = async (event) => {
    if (event.submitter?.value !== "delete") return;
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    try {
      await act();
      dialog.close();
    } catch (error) {
      problem.textContent = `Not deleted: ${error.message}`;
      problem.hidden = false;
    }
    button.disabled = false;
  };
  dialog.showModal();
}

export function useDeletion(main, live) {
  const api = main.dataset.api;

  function askForOne(button) {
    const dialog = document.getElementById("delete-one");
    const row = button.closest("tr");
    dialog.querySelector("[data-what]").textContent = (row?.querySelector("a") ?? main.querySelector("h1")).textContent;
    ask(dialog, async () => {
      await remove(api, { id: button.dataset.delete });
      if (button.dataset.then) {
        location.assign(button.dataset.then);
        return;
      }
      const next = row.nextElementSibling ?? row.previousElementSibling;
      next?.querySelector("a").focus();
      if (next) row.remove();
      reply("Deleted");
      if (live) await live.refresh({ evenPaused: true });
      else if (!next) location.reload();
    });
  }

  function askForAll() {
    const dialog = document.getElementById("delete-all");
    const field = dialog.querySelector("input");
    const button = dialog.querySelector("button[value=delete]");
    field.value = "";
    button.disabled = true;
    field.oninput = () => (button.disabled = field.value.trim().toLowerCase() !== "delete all");
    // Enter in the field must mean the answer that was typed, not the first button of the form.
    field.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (!button.disabled) dialog.querySelector("form").requestSubmit(button);
    };
    ask(dialog, async () => {
      await remove(api, { deleteAll: "true" });
      location.assign(location.pathname);
    });
  }

  document.addEventListener("click", (event) => {
    const one = event.target.closest("[data-delete]");
    if (one) askForOne(one);
    else if (event.target.closest("[data-delete-all]")) askForAll();
  });
}
