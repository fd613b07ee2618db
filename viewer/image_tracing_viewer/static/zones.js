// The statistics are cut into days of one zone. A reader who has named none means the browser's.
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const isUtc = !own || /^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal|Greenwich)$/.test(own);

function zoned(href) {
  const address = new URL(href, location.href);
  if (!isUtc && !address.searchParams.has("tz")) address.searchParams.set("tz", own);
  return address.href;
}

export function useZones() {
  for (const link of document.querySelectorAll("a[data-zoned]")) link.href = zoned(link.href);
  const select = document.querySelector("select[data-zones]");
  if (!select) return;
  if (!isUtc && ![...select.options].some((option) => option.value === own)) select.add(new Option(own));
  if (zoned(location.href) !== location.href) location.replace(zoned(location.href));
}
