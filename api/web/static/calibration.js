// The calibration page: places are clicked in the picture and on the map; the server says what they make of each other.

import { boot, fetched, word } from "./boot.js";
import { L, drawGrids, drawStreets, groundMap, nameOf, tip } from "./ground.js";
import { toast } from "./toast.js";

const { code, width, height } = boot.camera;
const ADDRESS = `/api/v1/cameras/${encodeURIComponent(code)}/calibration`;
const MOST_BYTES = 10 * 2 ** 20;
const WAIT_MS = 180;
const SHAPE = 0.02; // by so much a picture's shape may differ from the camera's image
const id = (name) => document.getElementById(name);

const points = []; // {u, v, lon, lat, datum}; one of them may be half made
const state = { version: 0, chosen: null, at: null, asked: 0, given: null, pending: false };
const told = new WeakMap(); // what the last answer said of a point

// The picture is a map of its own: v downwards, so that it can be dragged and enlarged for a careful click.
const picture = L.map("picture", { crs: L.CRS.Simple, zoomControl: false, attributionControl: false, minZoom: -4, maxZoom: 5, zoomSnap: 0.1 });
const frame = L.latLngBounds([-height, 0], [0, width]);
L.control.zoom({ position: "topright" }).addTo(picture);
L.rectangle(frame, { color: "#3b4750", weight: 1, fill: false, interactive: false }).addTo(picture);
picture.fitBounds(frame);
picture.setMaxBounds(frame.pad(0.5));
const pixel = (at) => ({ u: Math.round(at.lng * 10) / 10, v: Math.round(-at.lat * 10) / 10 });
const shown = ([u, v]) => [-v, u];

const ground = groundMap("map");
const layers = {
  grid: L.layerGroup().addTo(picture), spotPicture: L.layerGroup().addTo(picture), marksPicture: L.layerGroup().addTo(picture),
  foot: L.layerGroup().addTo(ground.map), spotMap: L.layerGroup().addTo(ground.map), marksMap: L.layerGroup().addTo(ground.map),
};
let still = null;

function half() {
  return points.find((each) => each.u === undefined || each.lon === undefined);
}

function whole() {
  return points.filter((each) => each.u !== undefined && each.lon !== undefined);
}

function put(values) {
  const open = half();
  if (open) Object.assign(open, values); // its other side, or the same side again: then it moves
  else points.push({ ...values });
  state.chosen = points.length - 1;
  const rest = half();
  hint(rest ? word(rest.u === undefined ? "pick_picture" : "pick_map") : "");
  changed();
}

function hint(text) {
  id("verdict").dataset.hint = text;
  tell();
}

function remove(index) {
  points.splice(index, 1);
  state.chosen = null;
  hint("");
  changed();
}

function icon(index, kind) {
  const box = document.createElement("div");
  box.className = `mark ${kind}${index === state.chosen ? " chosen" : ""}`;
  box.textContent = String(index + 1);
  return L.divIcon({ className: "mark-box", html: box, iconSize: [22, 22] });
}

function kindOf(each) {
  if (each.u === undefined || each.lon === undefined) return "half";
  return told.get(each)?.suspicious ? "suspicious" : "";
}

function drawMarks() {
  layers.marksPicture.clearLayers();
  layers.marksMap.clearLayers();
  points.forEach((each, index) => {
    const choose = () => { state.chosen = index; draw(); };
    // An icon holds its element: each of the two marks has one of its own.
    const options = () => ({ icon: icon(index, kindOf(each)), draggable: true, keyboard: false });
    if (each.u !== undefined) {
      const mark = L.marker(shown([each.u, each.v]), options()).addTo(layers.marksPicture).on("click", choose);
      mark.on("dragend", () => { Object.assign(each, pixel(mark.getLatLng())); changed(); });
    }
    if (each.lon !== undefined && (each.datum ?? "wgs84") === "wgs84") {
      const mark = L.marker([each.lat, each.lon], options()).addTo(layers.marksMap).on("click", choose);
      mark.on("dragend", () => {
        const { lng, lat } = mark.getLatLng();
        Object.assign(each, { lon: lng, lat, datum: "wgs84" });
        changed();
      });
    }
  });
}

function drawFit(answer) {
  for (const name of ["grid", "foot", "spotPicture", "spotMap"]) layers[name].clearLayers();
  const { fitted, spot } = answer;
  if (fitted) {
    if (id("grid").checked) {
      for (const line of fitted.grid.lines_px) {
        L.polyline(line.map(shown), { color: "#8ff0d0", weight: 1, opacity: 0.75, interactive: false }).addTo(layers.grid);
      }
    }
    const [lon, lat] = fitted.foot;
    L.circleMarker([lat, lon], { radius: 5, color: "#8ff0d0", weight: 2, fillOpacity: 0.2, interactive: false }).addTo(layers.foot);
  }
  if (spot) {
    const style = { color: "#ffd166", weight: 2, fillOpacity: 0.2, interactive: false };
    L.polygon(spot.outline_px.map(shown), style).addTo(layers.spotPicture);
    L.polygon(spot.outline_lonlat.map(([lon, lat]) => [lat, lon]), style).addTo(layers.spotMap);
    L.circleMarker([spot.lat, spot.lon], { radius: 3, color: "#ffd166", interactive: false }).addTo(layers.spotMap);
  }
  if (state.at) L.circleMarker(shown(state.at), { radius: 3, color: "#ffd166", interactive: false }).addTo(layers.spotPicture);
}

function line(text, className = "", detail = "") {
  const box = document.createElement("p");
  box.className = className;
  box.textContent = text;
  if (detail) {
    const small = document.createElement("small");
    small.textContent = detail;
    box.append(small);
  }
  return box;
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole_, name) => (name in values ? String(values[name]) : whole_));
}

function lensLines(lens) {
  const lines = [];
  if (lens.verdict) {
    const weighed = lens.weighed;
    const values = { straight: weighed.straight_foretold_px, lens: weighed.lens_foretold_px, least: weighed.least_points };
    lines.push(line(filled(boot.verdicts[lens.verdict] ?? lens.verdict, values), "muted"));
  }
  lines.push(line(lens.model === "none" ? word("lens_plain") : word("lens_with", { k: lens.coefficient, sd: lens.coefficient_sd })));
  return lines;
}

let answer = {};

function tell() {
  const box = id("verdict");
  const lines = [];
  if (box.dataset.hint) lines.push(line(box.dataset.hint, "warned"));
  if (!answer.fitted && !answer.refused) lines.push(line(word("need"), "muted"));
  if (answer.refused) lines.push(line(boot.faults[answer.kind] ?? answer.kind, "refused", answer.refused));
  if (answer.fitted) {
    const { fitted } = answer;
    lines.push(line(word("fits", { m: fitted.median_m, px: fitted.sigma_px, step: fitted.grid.step_m })));
    lines.push(...lensLines(fitted.lens));
    const wrong = points.flatMap((each, index) => (told.get(each)?.suspicious ? [index + 1] : []));
    if (wrong.length) lines.push(line(word("suspicious", { points: wrong.join(", ") }), "refused"));
    if (fitted.covered < 0.15) lines.push(line(word("covers", { share: Math.round(100 * fitted.covered) }), "warned"));
  }
  if (answer.spot) {
    const { error_m: m, range_m: range, across_m: across } = answer.spot;
    lines.push(line(word("spot_at", { m: m.toFixed(2), range: Math.round(range), across: across.toFixed(2) })));
  } else if (answer.spot_refused) lines.push(line(word("spot_none"), "warned", answer.spot_refused));
  box.replaceChildren(...lines);
  id("save").disabled = state.pending || !answer.fitted || Boolean(half());
}

function cell(text) {
  const box = document.createElement("td");
  box.textContent = text;
  return box;
}

function drawRows() {
  const rows = points.map((each, index) => {
    const known = told.get(each);
    const row = document.createElement("tr");
    if (known?.suspicious) row.classList.add("suspicious");
    if (index === state.chosen) row.classList.add("chosen");
    const off = known ? `${known.residual_px.toFixed(1)} px${known.residual_m === null ? "" : ` · ${known.residual_m.toFixed(2)} m`}` : word("elsewhere");
    const others = known && known.foretold_px !== null ? `${known.foretold_px.toFixed(1)} px${known.left_out ? ` · ${word("left_out")}` : known.sds === null ? "" : ` · ${known.sds.toFixed(1)} σ`}` : word("elsewhere");
    const drop = document.createElement("button");
    drop.type = "button";
    drop.className = "quiet remove";
    drop.textContent = "×";
    drop.setAttribute("aria-label", word("remove_point", { n: index + 1 }));
    drop.addEventListener("click", (event) => { event.stopPropagation(); remove(index); });
    const last = document.createElement("td");
    last.append(drop);
    row.append(
      cell(String(index + 1)),
      cell(each.u === undefined ? word("elsewhere") : word("pixel", { u: each.u.toFixed(1), v: each.v.toFixed(1) })),
      cell(each.lon === undefined ? word("elsewhere") : `${each.lon.toFixed(7)}, ${each.lat.toFixed(7)}`),
      cell(off),
      cell(others),
      last,
    );
    row.addEventListener("click", () => { state.chosen = index; draw(); });
    return row;
  });
  id("rows").replaceChildren(...rows);
  const table = whole().map((each) => [each.u, each.v, each.lon, each.lat].join(","));
  id("table").value = ["u,v,lon,lat", ...table].join("\n");
  id("patch").value = answer.fitted ? JSON.stringify({ calibration: answer.fitted.property }, null, 1) : "";
}

function draw() {
  drawMarks();
  drawRows();
  drawFit(answer);
  tell();
}

function lensAsked() {
  const chosen = id("lens").value;
  if (chosen !== "given") return chosen;
  const figures = {};
  for (const input of id("given").querySelectorAll("input")) {
    const value = Number(input.value.trim() || Number.NaN);
    if (Number.isFinite(value)) figures[input.name] = value;
  }
  if (state.given?.centre_px) figures.centre_px = state.given.centre_px;
  return "focal_px" in figures && "k1" in figures ? figures : null;
}

function body() {
  const lens = lensAsked();
  const sd = Number(id("sd").value);
  if (lens === null || !(sd > 0)) return null;
  return { points: whole().map(({ u, v, lon, lat, datum }) => ({ u, v, lon, lat, datum: datum ?? "wgs84" })), pixel_sd_px: sd, lens };
}

async function sent(path, method, content, headers = {}) {
  return fetch(path, { method, credentials: "same-origin", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(content) });
}

async function ask() {
  const content = body();
  const asked = whole(); // points may be taken away before the answer comes
  const number = ++state.asked;
  if (content === null || !content.points.length) {
    answer = {};
  } else {
    const reply = await sent(`${ADDRESS}/trial`, "POST", state.at ? { ...content, at_px: state.at } : content);
    if (number !== state.asked) return; // a newer one is under way
    if (!reply.ok) {
      const problem = await reply.json().catch(() => ({}));
      answer = { refused: problem.detail ?? `HTTP ${reply.status}`, kind: "value" };
    } else answer = await reply.json();
  }
  state.pending = false;
  for (const each of points) told.delete(each);
  answer.fitted?.points.forEach((known, place) => {
    const each = asked[place];
    told.set(each, known);
    // What was typed in another datum is WGS-84 from here on.
    if ((each.datum ?? "wgs84") !== "wgs84") Object.assign(each, { lon: known.lon, lat: known.lat, datum: "wgs84" });
  });
  draw();
  document.body.dataset.asked = String(number);
}

let waiting = 0;
function changed() {
  state.pending = true; // what is shown stays until the answer comes
  drawMarks();
  drawRows();
  id("save").disabled = true;
  clearTimeout(waiting);
  waiting = setTimeout(() => ask().catch((error) => toast(word("failed"), String(error))), WAIT_MS);
}

function showPicture(source) {
  const image = new Image();
  image.onload = () => {
    if (Math.abs(image.naturalWidth / image.naturalHeight / (width / height) - 1) > SHAPE) {
      toast(word("picture_shape", { width, height }));
      return;
    }
    still?.remove();
    still = L.imageOverlay(source, frame, { interactive: false }).addTo(picture);
    still.bringToBack();
  };
  image.onerror = () => toast(word("picture_large"));
  image.src = source;
}

async function showStored() {
  const reply = await fetch(`${ADDRESS}/picture`, { credentials: "same-origin" });
  if (!reply.ok) {
    hint(word("no_picture"));
    return;
  }
  showFile(await reply.blob());
}

function showFile(file) {
  if (file.size > MOST_BYTES || !["image/jpeg", "image/png"].includes(file.type)) {
    toast(word("picture_large"));
    return;
  }
  const reader = new FileReader(); // a data: address, which the page's policy lets be shown; nothing is sent
  reader.onload = () => showPicture(reader.result);
  reader.readAsDataURL(file);
}

async function save() {
  const content = body();
  if (content === null) return;
  id("save").disabled = true;
  const reply = await sent(ADDRESS, "PUT", content, { "if-match": `"v${state.version}"` });
  const told = await reply.json().catch(() => ({}));
  if (reply.ok) {
    state.version = told.version;
    toast(word("saved", { version: told.version }), "", { fine: true });
  } else toast(reply.status === 409 ? word("changed") : word("failed"), told.detail ?? `HTTP ${reply.status}`);
  tell();
}

async function drawAround() {
  (await drawStreets(ground)).addTo(ground.map);
  (await drawGrids(ground, { fill: 0.05 })).addTo(ground.map);
  const data = await fetched("/api/v1/cameras");
  for (const { geometry, properties } of data.features) {
    const [lon, lat] = geometry.coordinates;
    const own = properties.code === code;
    L.circleMarker([lat, lon], { radius: own ? 6 : 4, color: own ? "#e8edf0" : "#6fb3e0", weight: 2, fillOpacity: 0.5 })
      .bindTooltip(tip(nameOf(properties), properties.code), { direction: "top" })
      .addTo(ground.map);
  }
}

function listen() {
  picture.on("click", ({ latlng }) => {
    const { u, v } = pixel(latlng);
    if (id("ask").checked) {
      state.at = [u, v];
      changed();
    } else put({ u, v });
  });
  ground.map.on("click", ({ latlng }) => put({ lon: latlng.lng, lat: latlng.lat, datum: "wgs84" }));
  id("typed").addEventListener("submit", (event) => {
    event.preventDefault();
    const { lon, lat, datum } = event.target.elements;
    const place = { lon: Number(lon.value.trim()), lat: Number(lat.value.trim()), datum: datum.value };
    if (!(Math.abs(place.lon) <= 180 && Math.abs(place.lat) <= 90) || !lon.value.trim() || !lat.value.trim()) {
      toast(boot.faults.value, `${lon.value}, ${lat.value}`);
      return;
    }
    put(place);
    lon.value = lat.value = "";
  });
  id("file").addEventListener("change", (event) => { if (event.target.files[0]) showFile(event.target.files[0]); });
  id("stored").addEventListener("click", () => showStored().catch((error) => toast(word("failed"), String(error))));
  id("grid").addEventListener("change", draw);
  id("sd").addEventListener("input", changed);
  id("lens").addEventListener("change", () => { id("given").hidden = id("lens").value !== "given"; changed(); });
  id("given").addEventListener("input", changed);
  id("save").addEventListener("click", () => save().catch((error) => toast(word("failed"), String(error))));
  new ResizeObserver(() => { picture.invalidateSize(); ground.map.invalidateSize(); }).observe(document.querySelector(".calibration-main"));
}

async function start() {
  const held = await fetched(ADDRESS);
  state.version = held.version;
  points.push(...held.points.map(([u, v, lon, lat]) => ({ u, v, lon, lat, datum: "wgs84" })));
  id("sd").value = held.pixel_sd_px;
  if (typeof held.lens === "string") id("lens").value = held.lens;
  else {
    state.given = held.lens;
    id("lens").value = "given";
    id("given").hidden = false;
    for (const input of id("given").querySelectorAll("input")) input.value = held.lens[input.name] ?? input.value;
  }
  listen();
  const [lon, lat] = boot.camera.lonlat;
  const around = L.latLngBounds([[lat, lon], ...points.map((each) => [each.lat, each.lon])]);
  ground.map.setMaxZoom(23);
  ground.map.fitBounds(around.pad(0.25), { maxZoom: 20 });
  await Promise.all([drawAround(), showStored(), ask()]);
  document.body.dataset.ready = "yes";
}

start().catch((error) => toast(word("failed"), String(error)));
