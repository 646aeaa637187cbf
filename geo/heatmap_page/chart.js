// The share over time: stacked columns over a strip of case numbers, as one SVG.
"use strict";

window.beatgridChart = function beatgridChart(box, options) {
  const { table, channels, colours, chosen, title, barsTitle, number, label, onPick } = options;
  const count = table.length;
  const width = box.clientWidth;
  box.replaceChildren();
  if (!count || width < 50) return () => {};

  function svg(tag, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const wholes = table.map((totals) => totals.reduce((sofar, total) => sofar + total, 0));
  const most = Math.max(...wholes, 1);
  const height = window.matchMedia("(min-width: 960px)").matches ? 250 : 220;
  const left = 38;
  const right = width - 2;
  const shareTop = 8;
  const shareHeight = height - 100;
  const barTop = shareTop + shareHeight + 26;
  const barHeight = 34;
  const step = (right - left) / count;
  const gap = step > 5 ? Math.min(3, step * 0.12) : 0;
  const column = (place, y, size) => {
    const x = (left + place * step + gap / 2).toFixed(2);
    const across = (step - gap).toFixed(2);
    return `M${x} ${y.toFixed(2)}h${across}v${size.toFixed(2)}h-${across}z`;
  };
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });

  function drawShares() {
    for (const level of [0, 0.5, 1]) {
      const y = shareTop + shareHeight * (1 - level);
      chart.append(svg("line", { class: "axis", x1: left, x2: right, y1: y, y2: y }));
      chart.append(svg("text", { x: left - 5, y: y + 4, "text-anchor": "end" }, `${level * 100}%`));
    }
    const base = table.map(() => 0);
    channels.forEach((name, channel) => {
      let path = "";
      table.forEach((totals, place) => {
        if (!totals[channel]) return;
        const size = (shareHeight * totals[channel]) / wholes[place];
        base[place] += size;
        path += column(place, shareTop + shareHeight - base[place], size);
      });
      const area = svg("path", { d: path || "M0 0", "data-channel": name });
      area.style.fill = colours[channel];
      if (chosen >= 0 && chosen !== channel) area.setAttribute("class", "bg-dim");
      chart.append(area);
    });
  }

  function drawNumbers() {
    let path = "";
    wholes.forEach((whole, place) => {
      const size = Math.max(1, (barHeight * whole) / most);
      if (whole) path += column(place, barTop + barHeight - size, size);
    });
    const floor = barTop + barHeight;
    chart.append(svg("text", { x: left, y: barTop - 6 }, barsTitle));
    chart.append(svg("path", { class: "bars", d: path || "M0 0" }));
    chart.append(svg("line", { class: "axis", x1: left, x2: right, y1: floor, y2: floor }));
    chart.append(svg("text", { x: left - 5, y: barTop + 9, "text-anchor": "end" }, number(most)));
    chart.append(svg("text", { x: left - 5, y: floor, "text-anchor": "end" }, "0"));
  }

  function drawLabels() {
    const middle = Math.floor((count - 1) / 2);
    const places = count > 2 && width > 300 ? [0, middle, count - 1] : [...new Set([0, count - 1])];
    for (const place of places) {
      const lone = count === 1 || (place === middle && places.length === 3);
      const anchor = lone ? "middle" : place === 0 ? "start" : "end";
      const x = lone ? left + (place + 0.5) * step : place === 0 ? left : right;
      chart.append(svg("text", { x, y: height - 6, "text-anchor": anchor }, label(place)));
    }
  }

  chart.append(svg("title", {}, title));
  drawShares();
  drawNumbers();
  drawLabels();
  const marker = svg("rect", { class: "now", y: shareTop - 3, height: barTop + barHeight - shareTop + 6, rx: 2 });
  const hit = svg("rect", { class: "hit", x: left, y: 0, width: step * count, height: barTop + barHeight });
  hit.addEventListener("click", (event) => {
    const place = Math.floor((event.clientX - chart.getBoundingClientRect().left - left) / step);
    onPick(Math.min(count - 1, Math.max(0, place)));
  });
  chart.append(marker, hit);
  box.append(chart);

  return function moveMarker(place) {
    marker.style.display = place < 0 ? "none" : "";
    const across = Math.max(step, 4);
    marker.setAttribute("x", left + place * step - (across - step) / 2);
    marker.setAttribute("width", across);
  };
};
