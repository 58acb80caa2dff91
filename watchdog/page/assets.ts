import { readFileSync } from "node:fs";
import path from "node:path";

/** What browsers load besides the page. The bundle has the content in place of this module: see watchdog/bundle-assets.ts. */
const read = (name: string): string => readFileSync(path.join(import.meta.dirname, "client", name), "utf8");

export const stylesheet = read("page.css");
export const script = read("page.js");
export const icon = read("icon.svg");
