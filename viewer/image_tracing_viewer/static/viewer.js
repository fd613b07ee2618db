import { keepTimesFresh, showTimes } from "./times.js";
import { useCopyButtons } from "./copying.js";
import { useDeletion } from "./deletion.js";
import { useFilters } from "./filters.js";
import { useHealth } from "./health.js";
import { useLiveUpdates } from "./live.js";
import { useRows } from "./rows.js";
import { useShortcuts } from "./shortcuts.js";
import { useThemeToggle } from "./themes.js";
import { useZones } from "./zones.js";

const main = document.getElementById("main");

useThemeToggle();
useZones();
useCopyButtons();
showTimes(document);
keepTimesFresh();
useFilters();
useHealth();
useRows();
const live = useLiveUpdates(main);
useDeletion(main, live);
useShortcuts(main, live);
