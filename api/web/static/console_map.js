// The console's map: cases, cameras and terminals over the drawn ground.

import { fetched, word } from "./boot.js";
import { L, drawGrids, drawStreets, drawUnits, groundMap, nameOf, tip } from "./ground.js";

const WAITING = new Set(["desk", "offered"]);

function pin(classes, size) {
  return L.divIcon({ className: `pin ${classes}`, html: "<i></i>", iconSize: [size, size] });
}

export async function consoleMap({ open }) {
  const ground = groundMap("map");
  const { map, bounds } = ground;
  const marks = { cases: new Map(), terminals: new Map() };
  const groups = { terminals: L.layerGroup(), off_duty: L.layerGroup(), cases: L.layerGroup().addTo(map) };
  const focus = L.layerGroup().addTo(map);
  let chosen = "";
  let current = { cases: [], terminals: [] };

  const layers = {
    streets: await drawStreets(ground),
    units: await drawUnits(ground),
    cameras: await drawCameras(),
    terminals: groups.terminals,
    off_duty: groups.off_duty,
  };
  (await drawGrids(ground)).addTo(map);

  const form = document.querySelector(".map-layers");
  const show = () => {
    for (const [name, layer] of Object.entries(layers)) {
      if (form.elements[name].checked) layer.addTo(map);
      else layer.remove();
    }
  };
  form.addEventListener("change", show);
  form.querySelector("[data-fit]").addEventListener("click", () => map.fitBounds(bounds.pad(-0.04)));
  show();

  function drawCase(each) {
    const tone = `pin-case tone-${each.tone}`;
    const waits = each.urgent && WAITING.has(each.tone) ? " waits" : "";
    const urgent = each.urgent && each.tone !== "check" ? " urgent" : "";
    const classes = `${tone}${urgent}${waits}${each.number === chosen ? " chosen" : ""}`;
    const key = `${classes} ${each.lon} ${each.lat} ${each.status} ${each.terminal}`;
    const before = marks.cases.get(each.number);
    if (before?.key === key) return;
    before?.mark.remove();
    const mark = L.marker([each.lat, each.lon], {
      icon: pin(classes, 22), pane: "marks", keyboard: false, zIndexOffset: urgent ? 600 : 300, title: "",
    });
    mark.bindTooltip(tip(each.title, `${each.status} · ${each.unit}`, `${each.number}${each.terminal ? ` · ${each.terminal}` : ""}`), { direction: "top", offset: [0, -9] });
    mark.on("click", () => open(each.number));
    mark.addTo(groups.cases);
    marks.cases.set(each.number, { key, mark });
  }

  function drawTerminal(each, holder) {
    const state = each.on_duty ? (each.open_cases ? "busy" : "free") : "off";
    const classes = `pin-terminal ${state}${each.id === holder ? " holds" : ""}`;
    const key = `${classes} ${each.lon} ${each.lat} ${each.open_cases} ${each.fresh}`;
    const before = marks.terminals.get(each.id);
    if (before?.key === key) return;
    before?.mark.remove();
    const notes = [each.role, `${each.open_cases} ${word("open_cases")}`, each.fresh ? "" : word("at_post"), each.on_duty ? "" : word("off_duty")];
    const mark = L.marker([each.lat, each.lon], { icon: pin(classes, 14), pane: "marks", keyboard: false, zIndexOffset: 100 });
    mark.bindTooltip(tip(`${each.id} ${each.name}`, notes.filter(Boolean).join(" · ")), { direction: "top", offset: [0, -6] });
    mark.addTo(each.on_duty ? groups.terminals : groups.off_duty);
    marks.terminals.set(each.id, { key, mark });
  }

  function forget(kind, kept) {
    for (const [id, { mark }] of marks[kind]) {
      if (!kept.has(id)) {
        mark.remove();
        marks[kind].delete(id);
      }
    }
  }

  function drawFocus(view) {
    focus.clearLayers();
    if (!view) return;
    const at = [Number(view.lat), Number(view.lon)];
    L.circle(at, { radius: Number(view.errorM), color: "#e8edf0", weight: 1, opacity: 0.8, fillOpacity: 0.06, interactive: false, pane: "units" }).addTo(focus);
    const holder = current.terminals.find((each) => each.id === view.terminal);
    if (holder) {
      L.polyline([[holder.lat, holder.lon], at], { color: "#e8edf0", weight: 1.5, opacity: 0.75, dashArray: "2 6", interactive: false, pane: "units" }).addTo(focus);
    }
  }

  async function drawCameras() {
    const data = await fetched("/api/v1/cameras");
    return L.geoJSON(data, {
      pointToLayer: (feature, at) => {
        const mark = L.marker(at, { icon: pin("pin-camera", 14), pane: "marks", keyboard: false });
        return mark.bindTooltip(tip(nameOf(feature.properties), feature.properties.code), { direction: "top", offset: [0, -6] });
      },
    });
  }

  // Where the window is narrow the panel lies over the map: how many pixels of it.
  function covered() {
    const panel = document.getElementById("panel");
    if (getComputedStyle(panel).position !== "fixed") return 0;
    const over = map.getContainer().getBoundingClientRect().right - (innerWidth - panel.offsetWidth);
    return over >= map.getSize().x ? 0 : Math.max(0, over);
  }

  return {
    update(situation, view) {
      current = situation;
      chosen = view?.number ?? "";
      for (const each of situation.cases) drawCase(each);
      forget("cases", new Set(situation.cases.map((each) => each.number)));
      for (const each of situation.terminals) drawTerminal(each, view?.terminal);
      forget("terminals", new Set(situation.terminals.map((each) => each.id)));
      drawFocus(view);
    },
    show(view) {
      const at = L.latLng(Number(view.lat), Number(view.lon));
      const zoom = map.getZoom() < 14.5 ? 15.5 : map.getZoom();
      const size = map.getSize();
      const seen = size.x - covered();
      const here = map.latLngToContainerPoint(at);
      const inside = here.x > 0.12 * seen && here.x < 0.88 * seen && here.y > 0.12 * size.y && here.y < 0.85 * size.y;
      if (zoom === map.getZoom() && inside) return;
      // The middle of what the panel leaves free.
      const middle = map.project(at, zoom).add([(size.x - seen) / 2, 0]);
      map.setView(map.unproject(middle, zoom), zoom);
    },
    resize: () => map.invalidateSize(),
  };
}
