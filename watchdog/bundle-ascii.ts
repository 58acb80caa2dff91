import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/**
 * Escapes the letters with accents that a filter of liquidjs has in regular expressions, where esbuild's `charset: "ascii"`
 * leaves characters as they are. In a comment an escape does no harm.
 */
export const ascii: Plugin = {
  name: "ascii",
  setup: (bundling) => {
    bundling.onLoad({ filter: /[\\/]liquidjs[\\/]dist[\\/].*\.m?js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replaceAll(
        /[^\0-\x7f]/g,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
      ),
    }));
  },
};
