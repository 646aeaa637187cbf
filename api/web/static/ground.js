// The drawn ground: streets, water, grids and units of the site, without tiles from anywhere.

import * as L from "/vendor/leaflet/leaflet-src.esm.js";

import { boot, fetched } from "./boot.js";

const FILLS = ["#5b7f9f", "#6f8a5c", "#8f7aa3", "#a08257", "#56908c", "#9a6b72", "#7d8597", "#7f9a78"];
const DARK = { main: "#43505a", street: "#323c44", lane: "#262e34", boundary: "#4d5a64", water: "#1f4258", bank: "#2a5a77" };
const LIGHT = { main: "#ffffff", street: "#ffffff", lane: "#f3f5f6", boundary: "#ffffff", water: "#a9cfe6", bank: "#8fbfdd" };
const ROAD_PX = { boundary: 4, main: 4.5, street: 2.6, lane: 1.2 };
const WATER_PX = { boundary: 9, main: 7, lane: 3.5 };

export function nameOf(properties) {
  return boot.language === "zh" && properties.name_zh ? properties.name_zh : properties.name;
}

export function tip(title, ...lines) {
  const box = document.createElement("div");
  const head = document.createElement("b");
  head.textContent = title;
  box.append(head);
  for (const line of lines.filter(Boolean)) {
    const small = document.createElement("small");
    small.textContent = line;
    box.append(small);
  }
  return box;
}

export function groundMap(id, { light = false, controls = true } = {}) {
  const [west, south, east, north] = boot.extent;
  const bounds = L.latLngBounds([south, west], [north, east]);
  const map = L.map(id, {
    preferCanvas: false,
    zoomControl: false,
    attributionControl: false,
    zoomSnap: 0.25,
    minZoom: 11,
    maxZoom: 19,
    maxBounds: bounds.pad(0.6),
  });
  if (controls) L.control.zoom({ position: "topright" }).addTo(map);
  L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
  for (const [name, order] of [["ground", 210], ["grids", 220], ["units", 225], ["names", 230], ["marks", 400]]) {
    map.createPane(name).style.zIndex = order;
  }
  for (const still of ["ground", "names"]) map.getPane(still).style.pointerEvents = "none";
  map.fitBounds(bounds.pad(-0.04));
  map.getContainer().style.background = light ? "#e6eaec" : "#12171b";
  return { map, bounds, colours: light ? LIGHT : DARK };
}

function lineStyle(colours, zoom) {
  const scale = Math.max(0.45, Math.min(2.4, (zoom - 10.5) / 4));
  return (feature) => {
    const { kind, rank } = feature.properties;
    const water = kind === "waterway";
    const width = (water ? WATER_PX[rank] ?? 3.5 : ROAD_PX[rank] ?? 1.2) * scale;
    return { color: water ? colours.water : colours[rank] ?? colours.lane, weight: width, opacity: 1, lineCap: "round", interactive: false };
  };
}

export async function drawStreets({ map, colours }) {
  const data = await fetched("/api/v1/streets");
  const waters = data.features.filter((each) => each.properties.kind === "waterway");
  const roads = data.features.filter((each) => each.properties.kind !== "waterway");
  const order = ["lane", "street", "main", "boundary"];
  roads.sort((a, b) => order.indexOf(a.properties.rank) - order.indexOf(b.properties.rank));
  const renderer = L.canvas({ pane: "ground", padding: 0.3 });
  const options = { pane: "ground", renderer, interactive: false, style: lineStyle(colours, map.getZoom()) };
  const layer = L.geoJSON({ type: "FeatureCollection", features: [...waters, ...roads] }, options);
  map.on("zoomend", () => layer.setStyle(lineStyle(colours, map.getZoom())));
  return layer;
}

export async function drawGrids({ map }, { labels = true, fill = 0.13 } = {}) {
  const data = await fetched("/api/v1/grids");
  const colour = new Map(data.features.map((each, place) => [each.properties.code, FILLS[place % FILLS.length]]));
  const layer = L.geoJSON(data, {
    pane: "grids",
    style: (feature) => {
      const tone = colour.get(feature.properties.code);
      return { color: tone, weight: 1.6, opacity: 0.85, fillColor: tone, fillOpacity: fill };
    },
    interactive: false,
    onEachFeature: (feature, each) => {
      if (labels) each.bindTooltip(nameOf(feature.properties), { permanent: true, direction: "center", className: "place", pane: "names" });
    },
  });
  return layer;
}

export async function drawUnits({ map }) {
  const data = await fetched("/api/v1/units");
  const layer = L.geoJSON(data, {
    pane: "units",
    interactive: false,
    style: { color: "#8b98a1", weight: 0.8, opacity: 0.7, dashArray: "3 4", fill: false },
    onEachFeature: (feature, each) =>
      each.bindTooltip(nameOf(feature.properties), { permanent: true, direction: "center", className: "place unit", pane: "names" }),
  });
  return layer;
}

export { L };
