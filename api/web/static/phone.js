// The terminal's page: keeps tasks current, reports the position, rings for what is new.

import { ago, tick } from "./clock.js";
import { boot, word } from "./boot.js";
import { L, drawGrids, drawStreets, groundMap } from "./ground.js";
import { load } from "./fragments.js";
import { listen } from "./live.js";
import { ring, want, wanted } from "./sound.js";
import { reportFailures, toast } from "./toast.js";
import { sendLater } from "./unsent.js";

const REPORT_MS = 15000;
const REPORT_M = 20;
const LOOK_MS = 30000;
const tasks = document.getElementById("tasks");
const sign = document.getElementById("position");
const ground = groundMap("map", { light: true, controls: false });
const marks = L.layerGroup().addTo(ground.map);
let me = null;
let known = null;
let fitted = "";

const shown = () => [...tasks.querySelectorAll(".task")].map((each) => each.dataset);

const keyOf = (root) => [...root.querySelectorAll(".task")].map((each) => `${each.dataset.number} ${each.dataset.version}`).join();

// What is open or half written stays as it is: nothing is replaced while nothing has changed, and else put back.
async function refresh() {
  const path = `/terminal/${encodeURIComponent(boot.terminal)}/tasks`;
  let open = [];
  let fields = [];
  const same = (piece) => {
    open = [...tasks.querySelectorAll("details[open]")].map((each) => each.id);
    fields = written();
    return keyOf(piece) === keyOf(tasks);
  };
  if (!(await load(path, tasks, { same }).catch(() => toast(word("lost"))))) return;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const { key, value, checked, files, focused } of fields) {
    const field = [...tasks.querySelectorAll(FIELDS)].find((each) => keyOfField(each) === key);
    if (!field) continue;
    if (files?.length) field.files = files;
    else if (field.type !== "file" && field.type !== "radio") field.value = value;
    field.checked = checked;
    if (focused) field.focus();
  }
  settle();
}

const FIELDS = "textarea, input:not([type=hidden])";
const keyOfField = (field) => field.id || [field.form.getAttribute("action"), field.name, field.type === "radio" ? field.value : ""].join(" ");
const written = () => [...tasks.querySelectorAll(FIELDS)].map((field) => ({
  key: keyOfField(field), value: field.value, checked: field.checked, files: field.files, focused: field === document.activeElement,
}));

function settle() {
  tick();
  const list = shown();
  draw(list);
  const numbers = new Set(list.map((each) => each.number));
  const fresh = known === null ? [] : list.filter((each) => each.status === "dispatched" && !known.has(each.number));
  known = numbers;
  if (!fresh.length) return;
  ring();
  navigator.vibrate?.([200, 100, 200]);
}

function draw(list) {
  marks.clearLayers();
  const places = list.map((each) => [Number(each.lat), Number(each.lon)]);
  list.forEach((each, place) => {
    const tone = each.status === "dispatched" ? "tone-offered" : "tone-field";
    const icon = L.divIcon({ className: `pin pin-case ${tone}${each.urgent ? " urgent" : ""}`, html: "<i></i>", iconSize: [22, 22] });
    L.marker(places[place], { icon, pane: "marks", keyboard: false }).addTo(marks);
  });
  if (me) {
    places.push([me.lat, me.lon]);
    const icon = L.divIcon({ className: "pin pin-me", html: "<i></i>", iconSize: [22, 22] });
    L.marker([me.lat, me.lon], { icon, pane: "marks", keyboard: false }).addTo(marks);
  }
  const key = JSON.stringify(list.map((each) => each.number)) + Boolean(me);
  if (!places.length || key === fitted) return;
  fitted = key;
  ground.map.fitBounds(L.latLngBounds(places).pad(0.25), { maxZoom: 16, animate: false });
}

// The position: as the phone gives it, converted at the server when it says that it is GCJ-02.
const datum = document.getElementById("gcj02");
datum.checked = localStorage.getItem("beatgrid.gcj02") === "on";
datum.addEventListener("change", () => localStorage.setItem("beatgrid.gcj02", datum.checked ? "on" : "off"));
let sent = { at: 0, lon: 0, lat: 0 };
let reported = null;

function far(a, b) {
  const metres = 111320;
  return Math.hypot((a.lon - b.lon) * metres * Math.cos((a.lat * Math.PI) / 180), (a.lat - b.lat) * metres);
}

async function report({ coords, timestamp }) {
  const here = { lon: coords.longitude, lat: coords.latitude, at: Date.now() };
  if (here.at - sent.at < REPORT_MS && far(here, sent) < REPORT_M) return;
  sent = here;
  const body = { lon: here.lon, lat: here.lat, at: new Date(Math.min(timestamp, Date.now())).toISOString(), datum: datum.checked ? "gcj02" : "wgs84" };
  const answer = await fetch(`/api/v1/terminals/${encodeURIComponent(boot.terminal)}/position`, {
    method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    say(problem.detail ?? `HTTP ${answer.status}`, true);
    return;
  }
  const stored = await answer.json();
  me = { lon: stored.lon, lat: stored.lat };
  reported = Date.now();
  draw(shown());
  sayAge();
}

function say(text, bad = false) {
  sign.textContent = text;
  sign.classList.toggle("bad", bad);
}

function sayAge() {
  if (reported !== null) say(boot.phone.position_on.replace("{ago}", ago((Date.now() - reported) / 1000)));
}

function watch() {
  if (!boot.own) return;
  if (!window.isSecureContext || !navigator.geolocation) {
    say(boot.phone.position_insecure, true);
    return;
  }
  const failed = (error) => {
    if (error.code === error.PERMISSION_DENIED) say(boot.phone.position_refused, true);
  };
  const settings = { enableHighAccuracy: true, maximumAge: 10000, timeout: 60000 };
  navigator.geolocation.watchPosition((place) => report(place).catch(() => {}), failed, settings);
  setInterval(sayAge, 5000);
}

const sound = document.getElementById("sound-phone");
sound.checked = wanted();
sound.addEventListener("change", () => want(sound.checked));

document.body.addEventListener("htmx:afterSwap", () => {
  settle();
  // What was pressed is gone: reading goes on at the tasks, not at the top of the page.
  if (document.activeElement === document.body) tasks.focus({ preventScroll: true });
});
document.body.addEventListener("told", (event) => toast(event.detail.text, "", { fine: true }));
document.body.addEventListener("htmx:configRequest", ({ detail }) => {
  if (boot.own && me) Object.assign(detail.parameters, me);
});
// Words or a picture: asked for here already, for a step without a signal would be kept and refused much later.
document.body.addEventListener("htmx:confirm", (event) => {
  const button = event.target.closest("[data-shows]");
  if (!button) return;
  const { note, picture } = button.form.elements;
  if (note.value.trim().length >= 2 || picture?.files.length) return;
  event.preventDefault();
  toast(boot.problems["nothing-shown"]);
  note.focus();
});
reportFailures(refresh, { lost: () => {} });
settle();
const line = listen(() => refresh());
await sendLater({ after: refresh, line });
setInterval(() => { if (!document.hidden) refresh(); }, LOOK_MS);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
watch();
drawStreets(ground).then((layer) => layer.addTo(ground.map)).catch(() => toast(word("lost")));
drawGrids(ground, { labels: false, fill: 0.1 }).then((layer) => layer.addTo(ground.map)).catch(() => toast(word("lost")));
document.body.dataset.ready = boot.language;
