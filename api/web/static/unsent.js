// Steps that could not be sent: kept on this phone, pictures too, and sent again by themselves, oldest first. The server
// knows a step that it has already, so that none is taken twice when only the answer was lost.

import { boot, word } from "./boot.js";
import { toast } from "./toast.js";

const STORE = "steps";
const RETRY_MS = 15000;
const GIVE_UP_MS = 120000;
const LATER = [408, 429];
const NEVER = "pictures-off";
const box = document.getElementById("unsent");
let sending = false;

const asked = (request) => new Promise((done, failed) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});

async function steps(mode = "readonly") {
  const opening = indexedDB.open(`beatgrid ${boot.terminal} ${boot.who}`, 1); // nobody sends another's steps
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "key" });
  return (await asked(opening)).transaction(STORE, mode).objectStore(STORE);
}

const kept = async () => (await asked((await steps()).getAll())).sort((a, b) => a.at - b.at);
const drop = async (key) => asked((await steps("readwrite")).delete(key));

// The newest words for one step are the ones meant; each picture is a report of its own.
async function keep({ elt, requestConfig }) {
  const path = requestConfig.path;
  const fields = [...requestConfig.formData.entries()];
  const key = path.endsWith("/picture") ? `${path} ${Date.now()}` : path;
  const label = elt.dataset.label ?? elt.closest("form")?.dataset.label ?? "";
  await asked((await steps("readwrite")).put({ key, path, fields, label, at: Date.now() }));
  toast(word("kept"));
  await show();
}

async function send(step) {
  const body = new FormData();
  for (const [name, value] of step.fields) body.append(name, value);
  return fetch(step.path, {
    method: "POST", body, credentials: "same-origin", headers: { "hx-request": "true" }, signal: AbortSignal.timeout(GIVE_UP_MS),
  });
}

function told(step, answer, kind, problem) {
  if (answer.ok) {
    const { text } = JSON.parse(answer.headers.get("hx-trigger") ?? "{}").told ?? {};
    toast(step.label, text ?? "", { fine: true });
    return;
  }
  toast(`${step.label}: ${boot.problems[kind] ?? word("failed")}`, problem.detail ?? `HTTP ${answer.status}`);
}

const caseOf = (step) => step.path.split("/cases/")[1].split("/")[0];

async function flush(after) {
  if (sending) return;
  sending = true;
  try {
    const held = new Set(); // a case whose step must wait keeps the order of its steps
    for (const step of await kept()) {
      if (held.has(caseOf(step))) continue;
      const answer = await send(step).catch(() => null);
      if (answer === null) break;
      const problem = answer.ok ? {} : await answer.json().catch(() => ({}));
      const kind = String(problem.type ?? "").split(":").pop();
      if ((LATER.includes(answer.status) || answer.status >= 500) && kind !== NEVER) {
        held.add(caseOf(step));
        continue;
      }
      if (answer.status === 401) {
        location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
        return;
      }
      await drop(step.key);
      told(step, answer, kind, problem);
      await show();
      await after();
    }
  } finally {
    sending = false;
  }
}

async function show() {
  const waiting = await kept();
  const lines = waiting.map((step) => {
    const line = document.createElement("li");
    const name = document.createElement("span");
    name.textContent = step.label;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = boot.phone.discard;
    button.setAttribute("aria-label", `${boot.phone.discard}: ${step.label}`);
    button.dataset.discard = step.key;
    line.append(name, button);
    return line;
  });
  box.querySelector("ol").replaceChildren(...lines);
  box.hidden = !waiting.length;
}

export function sendLater({ after, line }) {
  const failed = (event) => {
    if (event.detail.requestConfig.verb === "post") keep(event.detail).catch(() => toast(word("lost")));
  };
  document.body.addEventListener("htmx:sendError", failed);
  document.body.addEventListener("htmx:timeout", failed);
  box.addEventListener("click", async (event) => {
    const { discard } = event.target.dataset;
    if (discard !== undefined) await drop(discard).then(show);
    if (event.target.closest("[data-send]")) await flush(after);
  });
  const again = () => flush(after).catch(() => {});
  addEventListener("online", again);
  line.addEventListener("open", again);
  setInterval(again, RETRY_MS);
  return show().catch(() => {});
}
