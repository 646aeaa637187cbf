// The dispatch console: keeps list, map, figures and panel current, and makes the list work by keyboard.

import { tick } from "./clock.js";
import { boot, fetched, word } from "./boot.js";
import { consoleMap } from "./console_map.js";
import { load } from "./fragments.js";
import { listen } from "./live.js";
import { ring, want, wanted } from "./sound.js";
import { reportFailures, toast } from "./toast.js";

const POSITIONS_MS = 20000;
const panel = document.getElementById("panel");
let known = null;
let wantedNumber = panel.querySelector(".case")?.dataset.number ?? "";
let shownNumber = "";
let situation = { cases: [], terminals: [], figures: {} };

const chosen = () => panel.querySelector(".case")?.dataset ?? null;
const map = await consoleMap({ open });

const path = (number) => `/console/cases/${encodeURIComponent(number)}`;
const lost = () => toast(word("lost"));

async function open(number) {
  wantedNumber = number;
  history.pushState({}, "", `/?case=${encodeURIComponent(number)}`);
  if (await load(path(number), panel, { still: () => wantedNumber === number }).catch(lost)) settle();
}

async function close() {
  const number = chosen()?.number;
  wantedNumber = "";
  history.pushState({}, "", "/");
  await overview();
  settle();
  if (number) document.getElementById(`row-${number}`)?.focus();
}

function overview() {
  return load("/console/overview", panel, { still: () => wantedNumber === "" }).catch(lost);
}

// Bring what depends on the chosen case in line: the marked row, the map's mark and line, the clocks.
function settle() {
  const view = chosen();
  for (const row of document.querySelectorAll(".row[aria-current]")) row.removeAttribute("aria-current");
  if (view) document.getElementById(`row-${view.number}`)?.setAttribute("aria-current", "true");
  document.body.classList.toggle("has-panel", view !== null);
  map.update(situation, view);
  tick();
  if (view && view.number !== shownNumber) {
    map.resize();
    map.show(view);
  }
  shownNumber = view?.number ?? "";
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

async function refreshQueue() {
  const values = new URLSearchParams(new FormData(document.getElementById("filters")));
  const focused = document.activeElement?.closest?.(".row")?.id;
  const list = document.getElementById("queue");
  const scrolled = list.scrollTop;
  if (!(await load(`/console/queue?${values}`, list, { select: "#queue" }).catch(lost))) return;
  list.scrollTop = scrolled;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  settle();
}

// What someone is writing in the panel is kept when the case changes under it.
async function refreshPanel(changes) {
  if (wantedNumber === "") {
    await overview();
    return;
  }
  const number = wantedNumber;
  if (!changes.some((change) => change.number === number)) return;
  if (!(await load(path(number), panel, { still: () => wantedNumber === number && keep() }).catch(lost))) return;
  restore();
  settle();
}

// Fields are known by their name, in folded pieces by their form's address too; folded pieces by their words.
const fieldsOf = () => [...panel.querySelectorAll("textarea, select, input:not([type=hidden])")];
const CHOSEN = ["checkbox", "radio"];
const keyOf = (field) => [field.form.hasAttribute("data-main") ? "" : field.form.getAttribute("action"), field.name, field.dataset.department ?? "", CHOSEN.includes(field.type) ? field.value : ""].join(" ");
const foldedOf = () => [...panel.querySelectorAll("details")].map((each) => [each, `${each.className} ${each.querySelector("summary").textContent}`]);
let kept = null;
function keep() {
  const fields = fieldsOf().map((field) => ({ key: keyOf(field), value: field.value, checked: field.checked, focused: field === document.activeElement }));
  kept = { fields, open: foldedOf().filter(([each]) => each.open).map(([, words]) => words) };
  return true;
}

function restore() {
  if (!kept) return;
  for (const [each, words] of foldedOf()) if (kept.open.includes(words)) each.open = true;
  for (const field of fieldsOf()) {
    const before = kept.fields.find((each) => each.key === keyOf(field));
    if (!before) continue;
    if (CHOSEN.includes(field.type)) field.checked = before.checked;
    else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === before.value)) field.value = before.value;
    if (before.focused) field.focus();
  }
}

function changed(changes) {
  refreshSituation().catch(lost);
  refreshQueue();
  refreshPanel(changes);
}

document.getElementById("filters").addEventListener("change", refreshQueue);
document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());

// htmx puts the panel after a step; only then, since everything else is loaded here.
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.target !== panel) return;
  wantedNumber = chosen()?.number ?? wantedNumber; // a merge shows the case that stays
  settle();
  // What was pressed is gone: reading goes on at the panel, not at the top of the page.
  if (document.activeElement === document.body) panel.focus({ preventScroll: true });
});

document.body.addEventListener("htmx:confirm", (event) => {
  const button = event.target.closest("button");
  if (!button?.closest("#panel")) return;
  const note = button.form.querySelector("textarea");
  if (button.hasAttribute("data-needs-note") && note.value.trim().length < 2) {
    event.preventDefault();
    toast(word("note_missing"));
    note.focus();
  }
});

document.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    open(row.dataset.number);
  }
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
    refreshQueue();
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

reportFailures(() => refreshPanel([{ number: wantedNumber }]));
await refreshSituation();
settle();
listen(changed);
setInterval(() => refreshSituation().catch(() => {}), POSITIONS_MS);
document.body.dataset.ready = boot.language;
