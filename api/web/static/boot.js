// What the server gave this page to start from, and words with places filled.

const element = document.getElementById("boot");
export const boot = element ? JSON.parse(element.textContent) : { words: {}, problems: {} };

export function word(key, values = {}) {
  const text = boot.words[key];
  if (text === undefined) throw new Error(`no word ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export async function fetched(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Error("logged out");
  }
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}
