/** `npm run docs`: writes docs/configuration.md. A unit test fails while the file is not current. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { renderReference } from "./render.ts";

const file = path.join(import.meta.dirname, "..", "..", "docs", "configuration.md");
await writeFile(file, renderReference());
