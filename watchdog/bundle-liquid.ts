import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/**
 * Prepares liquidjs, whose filters have letters with accents in regular expressions, where esbuild's `charset: "ascii"`
 * leaves characters as they are. In a comment an escape does no harm. Its notice becomes one that esbuild keeps.
 */
export const liquid: Plugin = {
  name: "liquid",
  setup: (bundling) => {
    bundling.onLoad({ filter: /[\\/]liquidjs[\\/]dist[\\/].*\.m?js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8"))
        .replace(/^\/\*/, "/*!")
        .replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`),
    }));
  },
};
