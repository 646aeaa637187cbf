// The heatmap page: draws the counts that geo.heatmap embeds. No requests, no storage, no innerHTML.
"use strict";

window.beatgridHeatmap = function beatgridHeatmap({ map, cellLayer, gridLayer }) {
  const data = JSON.parse(document.getElementById("bg-data").textContent);
  const CHANNELS = data.channels;
  const WORDS = window.beatgridWords;
  const RAMP = ["#f9d648", "#fba40a", "#ed6925", "#c43c4e", "#85216b", "#3b0f6f"];
  const COLOUR = Object.fromEntries(CHANNELS.map((name) => [name, `var(--${name})`]));
  const ALL = -1;
  const state = { language: data.language, period: ALL, channel: ALL, grid: ALL, timer: null };
  const byId = (id) => document.getElementById(id);
  const word = (name) => WORDS[state.language][name];
  const number = (n) => n.toLocaleString(state.language === "zh" ? "zh-CN" : "en-GB");
  const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)}%` : "–");
  const gridName = (place) => (state.language === "zh" ? data.grids[place].nameZh : data.grids[place].name) || data.grids[place].code;
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  function element(tag, { className, text, colour, ...attributes } = {}, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (colour) made.style.setProperty("--colour", colour);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // Counts. A row is [moment, n, moment, n, …] and a moment is period × channels + channel.
  function byChannel(row, period) {
    const totals = new Array(CHANNELS.length).fill(0);
    for (let at = 0; at < row.length; at += 2) {
      const channel = row[at] % CHANNELS.length;
      if (period === ALL || (row[at] - channel) / CHANNELS.length === period) totals[channel] += row[at + 1];
    }
    return totals;
  }
  const picked = (totals) => (state.channel === ALL ? sum(totals) : totals[state.channel]);

  function byPeriod(rows) {
    const table = data.periods.map(() => new Array(CHANNELS.length).fill(0));
    for (const row of rows) {
      for (let at = 0; at < row.length; at += 2) {
        const channel = row[at] % CHANNELS.length;
        table[(row[at] - channel) / CHANNELS.length][channel] += row[at + 1];
      }
    }
    return table;
  }
  const everywhere = data.gridCounts.concat([data.outside]);
  const focused = () => (state.grid === ALL ? everywhere : [data.gridCounts[state.grid]]);

  // The colour scale: six classes in geometric steps up to the largest cell, of any single period or of all time.
  const scales = new Map();
  function largest(single, channel) {
    let most = 0;
    for (const row of data.cellCounts) {
      const totals = new Map();
      for (let at = 0; at < row.length; at += 2) {
        const rowChannel = row[at] % CHANNELS.length;
        if (channel !== ALL && rowChannel !== channel) continue;
        const key = single ? (row[at] - rowChannel) / CHANNELS.length : ALL;
        const total = (totals.get(key) || 0) + row[at + 1];
        totals.set(key, total);
        if (total > most) most = total;
      }
    }
    return most;
  }
  function scale() {
    const single = state.period !== ALL;
    const key = `${single} ${state.channel}`;
    if (!scales.has(key)) {
      const most = largest(single, state.channel);
      const floors = [];
      for (let step = 0; step < RAMP.length; step += 1) {
        const floor = Math.max(Math.round(most ** (step / RAMP.length)), step ? floors[step - 1] + 1 : 1);
        if (floor > most) break;
        floors.push(floor);
      }
      const colours = floors.map((_, at) => RAMP[Math.round((at * (RAMP.length - 1)) / Math.max(RAMP.length - 1, floors.length - 1))]);
      scales.set(key, { floors, colours, most });
    }
    return scales.get(key);
  }
  function colourOf(count) {
    const { floors, colours } = scale();
    let at = floors.length - 1;
    while (at > 0 && floors[at] > count) at -= 1;
    return colours[at];
  }

  // Labels of periods, from local calendar days.
  const parts = (day) => day.split("-").map(Number);
  function dayLabel(day, withYear) {
    const [year, month, date] = parts(day);
    if (state.language === "zh") return `${withYear ? `${year}年` : ""}${month}月${date}日`;
    return withYear ? day : `${String(month).padStart(2, "0")}-${String(date).padStart(2, "0")}`;
  }
  function isoWeek(day) {
    const [year, month, date] = parts(day);
    const thursday = new Date(Date.UTC(year, month - 1, date + 3));
    const start = Date.UTC(thursday.getUTCFullYear(), 0, 1);
    return [thursday.getUTCFullYear(), Math.floor((thursday.getTime() - start) / 604800000) + 1];
  }
  function periodLabel(place, short) {
    if (place === ALL) return short || !data.total ? word("allTime") : `${dayLabel(data.first, true)} – ${dayLabel(data.last, true)}`;
    const [first, last] = data.periods[place];
    const [year, month] = parts(first);
    if (data.by === "day") return dayLabel(first, !short);
    if (data.by === "month") return state.language === "zh" ? `${year}年${month}月` : first.slice(0, 7);
    const [weekYear, week] = isoWeek(first);
    if (short) return dayLabel(first, false);
    const dash = state.language === "zh" ? "–" : " to ";
    const name = state.language === "zh" ? `${weekYear}年第${week}周` : `${weekYear}-W${String(week).padStart(2, "0")}`;
    return `${name} (${dayLabel(first, false)}${dash}${dayLabel(last, false)})`;
  }

  // The map.
  const cells = [];
  cellLayer.eachLayer((layer) => { cells[layer.feature.properties.place] = layer; });
  const gridShapes = [];
  gridLayer.eachLayer((layer) => { gridShapes[layer.feature.properties.place] = layer; });
  const outlineLayer = L.geoJSON(gridLayer.toGeoJSON(), {
    interactive: false,
    style: { fill: false, color: "#33445a", weight: gridShapes.length > 60 ? 1 : 1.8, opacity: 0.85 },
  }).addTo(map);
  const outlines = [];
  outlineLayer.eachLayer((layer) => { outlines[layer.feature.properties.place] = layer; });
  gridLayer.setStyle({ stroke: false, fill: true, fillColor: "#ffffff", fillOpacity: data.tiles ? 0.05 : 0.9 });

  function shareTable(totals, whole) {
    const body = element("tbody");
    CHANNELS.forEach((name, place) => {
      const label = element("td", {}, element("span", { className: "bg-dot", colour: COLOUR[name] }), word(name));
      body.append(element("tr", {}, label,
        element("td", { className: "n", text: number(totals[place]) }),
        element("td", { className: "n", text: percent(totals[place], whole) })));
    });
    return element("table", {}, body);
  }
  function gridTip(place) {
    const totals = byChannel(data.gridCounts[place], state.period);
    const whole = sum(totals);
    return [
      element("h3", { text: `${gridName(place)} · ${data.grids[place].code}` }),
      element("p", { text: `${word("share")} · ${periodLabel(state.period)} · ${word("count")(number(whole))}` }),
      shareTable(totals, whole),
    ];
  }
  function tipOf(layer) {
    const { place, kind } = layer.feature.properties;
    const box = element("div");
    if (kind === "grid") {
      box.append(...gridTip(place));
      return box;
    }
    const totals = byChannel(data.cellCounts[place], state.period);
    const within = data.cellGrids[place];
    const shown = state.channel === ALL ? word("all") : word(CHANNELS[state.channel]);
    box.append(element("h3", { text: `${word("cell")}: ${number(picked(totals))}` }), element("p", { text: shown }));
    if (within === ALL) box.append(element("p", { text: word("outside") }));
    else box.append(element("hr"), ...gridTip(within));
    return box;
  }
  for (const layer of [cellLayer, gridLayer]) layer.bindTooltip(tipOf, { sticky: true, className: "bg-tip", opacity: 1 });
  gridLayer.on("click", (event) => focusGrid(event.layer.feature.properties.place));
  cellLayer.on("click", (event) => {
    const grid = data.cellGrids[event.layer.feature.properties.place];
    if (grid !== ALL) focusGrid(grid);
  });
  cellLayer.on("mouseover", (event) => event.layer.setStyle({ stroke: true, color: "#111820", weight: 2, opacity: 1 }));
  cellLayer.on("mouseout", (event) => event.layer.setStyle({ stroke: false }));

  const names = data.grids.length <= 30 ? data.grids.map((grid) => L.tooltip({
    permanent: true, direction: "center", className: "bg-name", interactive: false, opacity: 1,
  }).setLatLng([grid.label[1], grid.label[0]]).addTo(map)) : [];

  const legendBox = element("div", { className: "bg-legend" });
  const legend = L.control({ position: "topright" });
  legend.onAdd = () => legendBox;
  legend.addTo(map);
  const empty = element("div", { className: "bg-empty", role: "status" }, element("span"));
  map.getContainer().append(empty);
  map.attributionControl.setPrefix("Leaflet");
  L.control.scale({ imperial: false }).addTo(map);

  function drawCells() {
    let shown = 0;
    cellLayer.closeTooltip();
    gridLayer.closeTooltip();
    cells.forEach((layer, place) => {
      const count = picked(byChannel(data.cellCounts[place], state.period));
      shown += count;
      // An empty cell leaves the map, so that pointing at its place finds the grid beneath.
      if (!count) {
        cellLayer.removeLayer(layer);
        return;
      }
      layer.setStyle({ stroke: false, fill: true, fillColor: colourOf(count), fillOpacity: data.tiles ? 0.7 : 0.88 });
      cellLayer.addLayer(layer);
    });
    outlineLayer.bringToFront();
    empty.hidden = shown > 0;
    empty.style.display = shown > 0 ? "none" : "";
    empty.firstChild.textContent = word(data.total ? "noneHere" : "noCases");
    map.getContainer().dataset.shown = String(shown);
  }
  function drawLegend() {
    const { floors, colours, most } = scale();
    const rows = floors.map((floor, at) => {
      const top = at + 1 < floors.length ? floors[at + 1] - 1 : most;
      const label = top > floor ? `${number(floor)}–${number(top)}` : number(floor);
      const swatch = element("i");
      swatch.style.background = colours[at];
      return element("div", {}, swatch, element("span", { text: label }));
    });
    legendBox.replaceChildren(element("b", { text: word("legend") }), ...rows);
    legendBox.style.display = rows.length ? "" : "none";
  }
  function drawFocus() {
    outlines.forEach((layer, place) => {
      const chosen = place === state.grid;
      layer.setStyle({ weight: chosen ? 4 : gridShapes.length > 60 ? 1 : 1.8, color: chosen ? "#0b5cad" : "#33445a" });
      if (chosen) layer.bringToFront();
    });
    names.forEach((name, place) => name.setContent(element("span", { text: gridName(place) })));
    drawNames();
  }

  // Names that would cover another are left out until the map is near enough; a chosen grid's comes first.
  function drawNames() {
    const taken = [];
    const order = [...names.keys()].sort((a, b) => (b === state.grid) - (a === state.grid) || data.grids[b].span - data.grids[a].span);
    for (const place of order) {
      const box = names[place].getElement();
      if (!box) continue;
      const here = box.getBoundingClientRect();
      const free = taken.every((there) => here.right + 4 < there.left || there.right + 4 < here.left
        || here.bottom + 2 < there.top || there.bottom + 2 < here.top);
      box.style.visibility = free ? "" : "hidden";
      if (free) taken.push(here);
    }
  }
  map.on("zoomend resize", () => window.requestAnimationFrame(drawNames));

  // The panel.
  function drawShares() {
    const totals = focused().reduce((sofar, row) => byChannel(row, state.period).map((n, at) => n + sofar[at]), new Array(CHANNELS.length).fill(0));
    const whole = sum(totals);
    byId("bg-focus").textContent = `${state.grid === ALL ? word("site") : gridName(state.grid)} · ${periodLabel(state.period)} · ${word("count")(number(whole))}`;
    byId("bg-unfocus").hidden = state.grid === ALL;
    byId("bg-shares").replaceChildren(...CHANNELS.map((name, at) => element("span", {},
      element("span", { className: "bg-dot", colour: COLOUR[name] }), word(name),
      element("b", { text: percent(totals[at], whole) }), element("em", { text: `(${number(totals[at])})` }))));
  }

  let moveMarker = () => {};
  function drawChart() {
    moveMarker = window.beatgridChart(byId("bg-chart"), {
      table: byPeriod(focused()),
      channels: CHANNELS,
      colours: CHANNELS.map((name) => COLOUR[name]),
      chosen: state.channel,
      title: `${word("chart")}: ${byId("bg-focus").textContent}`,
      barsTitle: word("perPeriod")[data.by],
      number,
      label: (place) => periodLabel(place, true),
      onPick: (place) => { pause(); setPeriod(place); },
    });
    moveMarker(state.period);
  }

  const rows = data.grids.map((_, place) => {
    const button = element("button", { type: "button" });
    button.addEventListener("click", () => focusGrid(place));
    const count = element("td", { className: "n" });
    const bar = element("div", { className: "bg-bar", role: "img" });
    const row = element("tr", {}, element("td", {}, button), count, element("td", {}, bar));
    return { row, button, count, bar };
  });
  byId("bg-grids").append(...rows.map(({ row }) => row));
  byId("bg-grids-section").hidden = rows.length === 0;
  function drawGrids() {
    rows.forEach(({ row, button, count, bar }, place) => {
      const totals = byChannel(data.gridCounts[place], state.period);
      const whole = sum(totals);
      button.textContent = gridName(place);
      count.textContent = number(whole);
      row.setAttribute("aria-selected", String(place === state.grid));
      const said = CHANNELS.map((name, at) => `${word(name)} ${percent(totals[at], whole)}`).join(", ");
      bar.setAttribute("aria-label", said);
      bar.title = said;
      bar.replaceChildren(...CHANNELS.map((name, at) => {
        const part = element("i", { colour: COLOUR[name] });
        part.style.width = `${whole ? (100 * totals[at]) / whole : 0}%`;
        if (state.channel !== ALL && state.channel !== at) part.className = "bg-dim";
        return part;
      }));
    });
  }

  // Controls.
  const slider = byId("bg-slider");
  slider.max = String(Math.max(0, data.periods.length - 1));
  const channelButtons = [ALL, ...CHANNELS.keys()].map((channel) => {
    const label = element("span");
    const button = element("button", { type: "button", "data-channel": channel === ALL ? "all" : CHANNELS[channel] }, label);
    if (channel !== ALL) button.prepend(element("span", { className: "bg-dot", colour: COLOUR[CHANNELS[channel]] }));
    button.addEventListener("click", () => { state.channel = channel; draw(); });
    byId("bg-channels").append(button);
    return { button, label, channel };
  });
  function setPeriod(period) {
    state.period = period;
    if (period !== ALL) slider.value = String(period);
    drawTime();
    drawCells();
    drawLegend();
    drawShares();
    drawGrids();
    moveMarker(state.period);
  }
  function focusGrid(place) {
    state.grid = state.grid === place ? ALL : place;
    drawFocus();
    drawShares();
    drawGrids();
    drawChart();
  }
  function pause() {
    window.clearInterval(state.timer);
    state.timer = null;
    drawTime();
  }
  function play() {
    if (state.period === ALL || state.period === data.periods.length - 1) setPeriod(0);
    state.timer = window.setInterval(() => {
      if (state.period >= data.periods.length - 1) pause();
      else setPeriod(state.period + 1);
    }, data.periods.length > 120 ? 250 : 800);
    drawTime();
  }
  slider.addEventListener("input", () => { pause(); setPeriod(Number(slider.value)); });
  byId("bg-all").addEventListener("click", () => { pause(); setPeriod(ALL); });
  byId("bg-play").addEventListener("click", () => (state.timer === null ? play() : pause()));
  byId("bg-unfocus").addEventListener("click", () => focusGrid(state.grid));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => { state.language = button.dataset.language; draw(); });
  }

  function drawTime() {
    const idle = data.periods.length === 0;
    slider.disabled = idle;
    byId("bg-play").disabled = data.periods.length < 2;
    byId("bg-all").disabled = idle;
    byId("bg-all").textContent = word("allTime");
    byId("bg-all").setAttribute("aria-pressed", String(state.period === ALL));
    byId("bg-play").setAttribute("aria-label", word(state.timer === null ? "play" : "pause"));
    byId("bg-play").querySelector("path").setAttribute("d", state.timer === null ? "M3 1.5v13l11-6.5z" : "M3 2h3.5v12H3zM9.5 2H13v12H9.5z");
    byId("bg-period").textContent = periodLabel(state.period);
    slider.setAttribute("aria-label", word("slider"));
    slider.setAttribute("aria-valuetext", periodLabel(state.period));
    slider.classList.toggle("bg-dim", state.period === ALL && !idle);
  }
  function drawWords() {
    document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
    byId("bg-title").textContent = data.title;
    byId("bg-subtitle").textContent = data.total
      ? word("subtitle")(dayLabel(data.first, true), dayLabel(data.last, true), number(data.total))
      : word("noCases");
    for (const button of document.querySelectorAll("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.language === state.language));
    }
    for (const { button, label, channel } of channelButtons) {
      label.textContent = word(channel === ALL ? "all" : CHANNELS[channel]);
      button.setAttribute("aria-pressed", String(channel === state.channel));
      button.disabled = data.total === 0;
    }
    byId("bg-channels").setAttribute("aria-label", word("channels"));
    byId("bg-time").setAttribute("aria-label", word("time"));
    byId("bg-chart-title").textContent = word("chart");
    byId("bg-grids-title").textContent = word("grids");
    byId("bg-notes-title").textContent = word("notes");
    byId("bg-unfocus").textContent = word("unfocus");
    map.getContainer().setAttribute("aria-label", word("map"));
    byId("bg-grids-head").replaceChildren(
      element("th", { text: word("grid"), scope: "col" }),
      element("th", { text: word("cases"), scope: "col", className: "n" }),
      element("th", { text: word("share"), scope: "col" }));
    const outside = sum(byChannel(data.outside, ALL));
    const notes = [word("definition"), word("cells")(number(data.cellM)), word("zone")(data.timezone)];
    if (outside && data.grids.length) notes.push(word("outsideNote")(number(outside)));
    if (data.note) notes.push(data.note);
    if (!data.total) notes.splice(1, 1);
    byId("bg-notes").replaceChildren(...notes.map((text) => element("li", { text })));
  }
  function draw() {
    drawWords();
    drawTime();
    drawCells();
    drawLegend();
    drawFocus();
    drawShares();
    drawGrids();
    drawChart();
  }

  function fit() {
    map.invalidateSize({ animate: false });
    const narrow = map.getContainer().clientWidth < 600;
    if (data.bounds) map.fitBounds(data.bounds, { paddingTopLeft: [14, narrow ? 64 : 14], paddingBottomRight: [14, 14], animate: false });
    drawNames();
  }
  let lastWidth = 0;
  window.addEventListener("resize", () => window.requestAnimationFrame(() => {
    map.invalidateSize({ animate: false });
    if (byId("bg-chart").clientWidth !== lastWidth) drawChart();
    lastWidth = byId("bg-chart").clientWidth;
  }));
  draw();
  fit();
  document.documentElement.dataset.ready = "true";
};
