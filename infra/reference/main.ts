/** `npm run docs`: writes the generated files of docs/ and monitoring/. A unit test fails while one is not current. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { renderLogEvents } from "./log-events.ts";
import { renderMetrics } from "./metrics.ts";
import { monitoringFiles } from "./monitoring.ts";
import { renderReference } from "./render.ts";

const checkout = path.join(import.meta.dirname, "..", "..");
const docs = path.join(checkout, "docs");
await writeFile(path.join(docs, "configuration.md"), renderReference());
await writeFile(path.join(docs, "metrics.md"), renderMetrics());
await writeFile(path.join(docs, "log-events.md"), renderLogEvents());
for (const [name, content] of Object.entries(monitoringFiles())) {
  const file = path.join(checkout, "monitoring", name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
}
