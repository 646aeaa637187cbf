// Times that move: clocks that run down, ages that grow, the time of day at the site.

import { boot, word } from "./boot.js";

const SOON_S = 180;

function span(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h >= 48) return word("days", { n: Math.floor(h / 24) });
  const two = (value) => String(value).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function ago(seconds) {
  if (seconds < 90) return word("ago_s", { n: Math.max(0, Math.floor(seconds)) });
  if (seconds < 5400) return word("ago_min", { n: Math.floor(seconds / 60) });
  if (seconds < 129600) return word("ago_h", { n: Math.floor(seconds / 3600) });
  return word("ago_d", { n: Math.floor(seconds / 86400) });
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tickDue(element, now) {
  const left = (Date.parse(element.dataset.due) - now) / 1000;
  const over = left < 0;
  put(element, over ? (element.dataset.over ?? `${word("overdue")} ${span(left)}`) : span(left));
  element.classList.toggle("late", over);
  element.classList.toggle("soon", !over && left < SOON_S);
  if (element.dataset.from) {
    const whole = (Date.parse(element.dataset.due) - Date.parse(element.dataset.from)) / 1000;
    const bar = element.parentElement.querySelector(".offer-rest span");
    if (bar) bar.style.transform = `scaleX(${Math.max(0, Math.min(1, left / whole))})`;
  }
}

export function tick() {
  const now = Date.now();
  for (const element of document.querySelectorAll("[data-due]")) tickDue(element, now);
  for (const element of document.querySelectorAll("[data-ago]")) {
    put(element, ago((now - Date.parse(element.dataset.ago)) / 1000));
  }
  for (const element of document.querySelectorAll("[data-zone]")) {
    put(element, new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: element.dataset.zone }).format(now));
  }
}

if (boot.words.ago_s !== undefined || document.querySelector("[data-zone]")) {
  tick();
  setInterval(tick, 1000);
}
