// The filter form in the browser's zone: fields show local time, the address holds ISO 8601 with its offset.
import { localDate, localTime, zone } from "./times.js";

function withOffset(moment) {
  const minutes = -moment.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const two = (number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
  return `${localDate(moment)}T${localTime(moment)}${sign}${two(minutes / 60)}:${two(minutes % 60)}`;
}

export function useFilters() {
  const form = document.querySelector("form.filters");
  if (!form) return;
  const moments = [...form.querySelectorAll("[data-instant]")];
  for (const field of moments) {
    field.closest("label").querySelector("[data-zone]").textContent = zone();
    if (field.dataset.instant) {
      const moment = new Date(field.dataset.instant);
      field.value = `${localDate(moment)}T${localTime(moment).replace(/:00$/, "")}`;
    }
  }
  form.addEventListener("formdata", (event) => {
    for (const field of moments) {
      const moment = new Date(field.value);
      if (field.value && !Number.isNaN(moment.getTime())) event.formData.set(field.name, withOffset(moment));
    }
    // Short addresses: what is not set is not named.
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
    if (event.formData.get("limit") === "50") event.formData.delete("limit");
  });
  for (const select of form.querySelectorAll("select")) {
    select.addEventListener("change", () => form.requestSubmit());
  }
}
