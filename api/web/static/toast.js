// Short messages: what went wrong, in the reader's words, with the server's own below.

import { boot, word } from "./boot.js";

const SHOWN_MS = 7000;

export function toast(text, detail = "", { fine = false } = {}) {
  const box = document.createElement("div");
  box.className = fine ? "toast fine" : "toast";
  box.textContent = text;
  if (detail) {
    const small = document.createElement("small");
    small.textContent = detail;
    box.append(small);
  }
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), SHOWN_MS);
}

// htmx sends what people do; an answer that is a problem document becomes a message, and the page is left as it is.
export function reportFailures(after = () => {}, { lost = () => toast(word("lost")) } = {}) {
  document.body.addEventListener("htmx:responseError", (event) => {
    const request = event.detail.xhr;
    if (request.status === 401) {
      location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    let problem = {};
    try {
      problem = JSON.parse(request.responseText);
    } catch {
      problem = {};
    }
    const kind = String(problem.type ?? "").split(":").pop();
    const known = boot.problems[kind];
    toast(known ?? word("failed"), problem.detail ?? `HTTP ${request.status}`);
    after(problem);
  });
  document.body.addEventListener("htmx:sendError", lost);
}
