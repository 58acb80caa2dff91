import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Loader, type Plugin, transform } from "esbuild";

/** What `watchdog/page/assets.ts` exports, by the file that it reads and the loader that shortens it; null: none does. */
const assets: readonly (readonly [name: string, file: string, loader: Loader | null])[] = [
  ["stylesheet", "page.css", "css"],
  ["script", "page.js", "js"],
  ["icon", "icon.svg", null],
];

const directory = path.join(import.meta.dirname, "page", "client");

/** Puts what browsers load into the program, as hosts have no other file of it. */
export const pageAssets: Plugin = {
  name: "page-assets",
  setup: (bundling) => {
    bundling.onLoad({ filter: /[\\/]watchdog[\\/]page[\\/]assets\.ts$/ }, async () => ({
      contents: (await Promise.all(assets.map(assetExport))).join("\n"),
    }));
  },
};

async function assetExport([name, file, loader]: (typeof assets)[number]): Promise<string> {
  const text = await readFile(path.join(directory, file), "utf8");
  const short = loader === null ? text : (await transform(text, { loader, minify: true })).code;
  return `export const ${name} = ${JSON.stringify(short)};`;
}
