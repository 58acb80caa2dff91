import path from "node:path";
import type { Plugin } from "esbuild";

/** Parts of dependencies that the watchdog never uses, by what stands in their place. The process holds its whole text in memory. */
const replacements = [
  {
    // Besides the pool it has fetch, web sockets, caches and mocks; Elasticsearch's client brings a version of its own.
    module: "undici",
    text: `import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
import request from "undici/lib/api/api-request.js";
Object.assign(Dispatcher.prototype, { request });
export { default as Pool } from "undici/lib/dispatcher/pool.js";
export { default as buildConnector } from "undici/lib/core/connect.js";`,
  },
  {
    // Messages in fifty languages.
    module: "../locales/index.js",
    of: /[\\/]zod[\\/]v4[\\/]/,
    text: 'export { default as en } from "zod/v4/locales/en.js";',
  },
  {
    // Types of attachments by their names: our mails have none.
    module: "./mime-types.js",
    of: /[\\/]nodemailer[\\/]/,
    text: 'export const detectMimeType = () => "application/octet-stream"; export const detectExtension = () => "bin";',
  },
  {
    // Contents by URL: our mails have none.
    module: "../fetch/index.js",
    of: /[\\/]nodemailer[\\/]/,
    text: 'export default () => { throw new Error("a mail has no content by URL"); };',
  },
] as const;

const NAMESPACE = "lean";

/** Leaves these parts out of a program. An import of ours that a replacement lacks fails the build. */
export const lean: Plugin = {
  name: NAMESPACE,
  setup: (bundling) => {
    for (const replacement of replacements) {
      const { module, text } = replacement;
      const escaped = module.replace(/[.\\/]/g, "\\$&");
      bundling.onResolve({ filter: new RegExp(`^${escaped}$`) }, ({ importer }) =>
        "of" in replacement && !replacement.of.test(importer) ? undefined : { path: module, namespace: NAMESPACE },
      );
      bundling.onLoad({ filter: new RegExp(`^${escaped}$`), namespace: NAMESPACE }, () => ({
        contents: text,
        resolveDir: path.dirname(import.meta.dirname),
      }));
    }
  },
};
