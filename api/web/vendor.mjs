// Copy what the pages load from node_modules to api/web/vendor; `npm ci && node api/web/vendor.mjs` is all the set-up.

import { cp, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "..", "..", "node_modules");
const vendor = join(here, "vendor");

const wanted = [
  ["leaflet/dist", "leaflet"],
  ["leaflet/LICENSE", "leaflet/LICENSE"],
  ["htmx.org/dist/htmx.min.js", "htmx.min.js"],
  ["htmx.org/LICENSE", "htmx.LICENSE"],
];

await rm(vendor, { recursive: true, force: true });
await mkdir(vendor, { recursive: true });
for (const [from, to] of wanted) {
  await cp(join(modules, from), join(vendor, to), { recursive: true });
}
console.log(`copied ${wanted.length} items to ${vendor}`);
