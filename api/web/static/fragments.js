// Pieces of page that the scripts fetch themselves: the newest request for a place wins, an older answer is dropped.

const turns = new WeakMap();

export async function load(path, target, { still = () => true, same = () => false, select = null } = {}) {
  const turn = (turns.get(target) ?? 0) + 1;
  turns.set(target, turn);
  const answer = await fetch(path, { credentials: "same-origin", headers: { "hx-request": "true" } });
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    return false;
  }
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  const text = await answer.text();
  if (turns.get(target) !== turn || !still()) return false;
  const piece = document.createElement("template");
  piece.innerHTML = text;
  if (same(piece.content)) return false;
  const content = select ? [...piece.content.querySelector(select).childNodes] : [...piece.content.childNodes];
  target.replaceChildren(...content);
  htmx.process(target);
  return true;
}
