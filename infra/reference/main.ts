/** `npm run docs`: writes the generated files of docs/. A unit test fails while one is not current. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { renderMetrics } from "./metrics.ts";
import { renderReference } from "./render.ts";

const docs = path.join(import.meta.dirname, "..", "..", "docs");
await writeFile(path.join(docs, "configuration.md"), renderReference());
await writeFile(path.join(docs, "metrics.md"), renderMetrics());
