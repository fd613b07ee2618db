export function useThemeToggle() {
  const button = document.querySelector("[data-theme-toggle]");
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
    try {
      if (next === system) localStorage.removeItem("image-tracing-theme");
      else localStorage.setItem("image-tracing-theme", next);
    } catch {
      // Without storage the choice lasts for this page.
    }
    root.dataset.theme = next;
  });
}
