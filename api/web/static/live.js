// The line to the server: one stream of changes, gathered for a moment so that a burst redraws once.

const GATHER_MS = 300;

export function listen(changed) {
  const sign = document.querySelector("[data-live]");
  const source = new EventSource("/api/v1/stream");
  let waiting = [];
  let timer = null;

  const show = (on) => {
    if (!sign) return;
    const state = on ? "on" : "off";
    if (sign.dataset.live === state) return;
    sign.dataset.live = state;
    sign.textContent = sign.dataset[state];
  };
  const flush = () => {
    timer = null;
    const batch = waiting;
    waiting = [];
    changed(batch);
  };
  const gather = (change) => {
    if (change) waiting.push(change);
    timer ??= setTimeout(flush, GATHER_MS);
  };

  source.addEventListener("open", () => show(true));
  source.addEventListener("error", () => show(false));
  // After a break something may have been missed that the server no longer replays: look at everything again.
  source.addEventListener("ready", () => gather(null));
  source.addEventListener("reset", () => gather(null));
  source.addEventListener("case", (event) => gather(JSON.parse(event.data)));
  addEventListener("pagehide", () => source.close());
  return source;
}
