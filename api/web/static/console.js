// The dispatch console: keeps list, map, figures and panel current, and makes the list work by keyboard.

import { tick } from "./clock.js";
import { boot, fetched, word } from "./boot.js";
import { consoleMap } from "./console_map.js";
import { listen } from "./live.js";
import { ring, want, wanted } from "./sound.js";
import { reportFailures, toast } from "./toast.js";

const POSITIONS_MS = 20000;
const panel = document.getElementById("panel");
let known = null;
let last = "";
let situation = { cases: [], terminals: [], figures: {} };

const chosen = () => panel.querySelector(".case")?.dataset ?? null;
const map = await consoleMap({ open });

function open(number) {
  htmx.ajax("GET", `/console/cases/${encodeURIComponent(number)}`, { target: "#panel" });
  history.pushState({}, "", `/?case=${encodeURIComponent(number)}`);
}

function close() {
  const number = chosen()?.number;
  last = "";
  document.body.classList.remove("has-panel");
  history.pushState({}, "", "/");
  return overview().then(() => number && document.getElementById(`row-${number}`)?.focus());
}

function overview() {
  return htmx.ajax("GET", "/console/overview", { target: "#panel" });
}

// Bring what depends on the chosen case in line: the marked row, the map's mark and line, the clocks.
function settle() {
  const view = chosen();
  for (const row of document.querySelectorAll(".row[aria-current]")) row.removeAttribute("aria-current");
  if (view) document.getElementById(`row-${view.number}`)?.setAttribute("aria-current", "true");
  map.update(situation, view);
  tick();
}

async function refreshSituation() {
  situation = await fetched("/console/situation");
  for (const [key, value] of Object.entries(situation.figures)) {
    for (const place of document.querySelectorAll(`[data-figure="${key}"]`)) {
      place.textContent = String(value);
      place.closest(".figure")?.classList.toggle("zero", value === 0);
    }
  }
  announce(situation.cases);
  map.update(situation, chosen());
}

function announce(cases) {
  const urgent = cases.filter((each) => each.urgent);
  const fresh = known === null ? [] : urgent.filter((each) => !known.has(each.number));
  known = new Set([...(known ?? []), ...urgent.map((each) => each.number)]);
  if (!fresh.length) return;
  const { number, title, grid } = fresh[0];
  document.getElementById("news").textContent = word("new_urgent", { number, category: title, grid });
  ring();
}

function refreshQueue() {
  const values = new URLSearchParams(new FormData(document.getElementById("filters")));
  const number = chosen()?.number;
  if (number) values.set("case", number);
  const focused = document.activeElement?.closest?.(".row")?.id;
  const scrolled = document.getElementById("queue").scrollTop;
  return htmx.ajax("GET", `/console/queue?${values}`, { target: "#queue", select: "#queue", swap: "outerHTML" }).then(() => {
    document.getElementById("queue").scrollTop = scrolled;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  });
}

// A panel in which someone is writing is left alone; only its state is then told to be old.
async function refreshPanel(changes) {
  const view = chosen();
  if (!view) {
    await overview();
    return;
  }
  if (!changes.some((change) => change.number === view.number)) return;
  const note = panel.querySelector("textarea");
  const busy = note && (note.value !== "" || panel.querySelector("footer").contains(document.activeElement));
  const text = note?.value ?? "";
  await htmx.ajax("GET", `/console/cases/${encodeURIComponent(view.number)}`, { target: "#panel" });
  const again = panel.querySelector("textarea");
  if (busy && again) {
    again.value = text;
    again.focus();
  }
}

function changed(changes) {
  refreshSituation().catch(() => toast(word("lost")));
  refreshQueue();
  refreshPanel(changes);
}

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "panel") {
    settle();
    return;
  }
  const view = chosen();
  document.body.classList.toggle("has-panel", view !== null);
  settle();
  if (view) shownCase(view);
});

function shownCase(view) {
  if (last === view.number) return;
  last = view.number;
  map.show(view);
  map.resize();
}

document.body.addEventListener("htmx:confirm", (event) => {
  const button = event.target.closest("button");
  if (!button?.closest("#panel")) return;
  const note = panel.querySelector("textarea");
  if (button.hasAttribute("data-needs-note") && note.value.trim().length < 2) {
    event.preventDefault();
    toast(word("note_missing"));
    note.focus();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    close();
  }
  const picture = event.target.closest(".pictures a");
  if (picture && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    enlarge(picture);
  }
  const grid = event.target.closest("[data-grid]");
  if (grid) {
    const filters = document.getElementById("filters");
    filters.elements.grid.value = grid.dataset.grid;
    filters.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

function enlarge(link) {
  const dialog = document.getElementById("picture");
  dialog.querySelector("img").src = link.href;
  dialog.querySelector("img").alt = link.querySelector("img").alt;
  dialog.querySelector("span").textContent = link.closest("figure").querySelector("figcaption").textContent;
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen() && !document.querySelector("dialog[open]")) {
    close();
    return;
  }
  const row = document.activeElement?.closest?.(".row");
  if (!row || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  const rows = [...document.querySelectorAll(".row")];
  const place = rows.indexOf(row);
  const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rows.length - 1 }[event.key];
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, next))].focus();
});

addEventListener("popstate", () => location.reload());

const sound = document.getElementById("sound");
sound.setAttribute("aria-pressed", String(wanted()));
sound.addEventListener("click", () => {
  want(!wanted());
  sound.setAttribute("aria-pressed", String(wanted()));
});

reportFailures(() => refreshPanel([{ number: chosen()?.number }]));
await refreshSituation();
if (chosen()) {
  settle();
  shownCase(chosen());
}
listen(changed);
setInterval(() => refreshSituation().catch(() => {}), POSITIONS_MS);
document.body.dataset.ready = boot.language;
