// Runs before the first paint, so that a remembered theme does not flash the other one first.
try {
  const remembered = localStorage.getItem("image-tracing-theme");
  if (remembered === "dark" || remembered === "light") document.documentElement.dataset.theme = remembered;
} catch {
  // Storage can be forbidden; the system's theme is used then.
}
