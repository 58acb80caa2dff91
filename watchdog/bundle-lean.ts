import path from "node:path";
import type { Plugin } from "esbuild";

/** What a part that is left out does when it is used after all. */
const leftOut = (part: string) => `throw new Error("${part} is not in this program: see watchdog/bundle-lean.ts");`;

/** The largest parts of Elasticsearch's API that the watchdog never calls. */
export const unusedApis = [
  "connector",
  "esql",
  "fleet",
  "inference",
  "ml",
  "query_rules",
  "rollup",
  "search_application",
  "transform",
  "watcher",
] as const;

interface Replacement {
  readonly module: string;
  /** Only where the importing file's path matches. */
  readonly of?: RegExp;
  readonly text: string;
}

/** Parts of dependencies that the watchdog never uses, by what stands in their place. The process holds its whole text in memory. */
const replacements: readonly Replacement[] = [
  ...unusedApis.map((api) => ({
    module: `./api/${api}.js`,
    of: /[\\/]@elastic[\\/]elasticsearch[\\/]/,
    // The client makes an API's object when it is first asked for.
    text: `export default class { constructor() { ${leftOut(api)} } }`,
  })),
  {
    // With its thousands of names of attributes. No tracer is ever registered, so there is nothing to suppress.
    module: "@opentelemetry/core",
    text: "export const suppressTracing = (context) => context;",
  },
  // A second parser of HTTP/1, used where UNDICI_USE_MILO asks for it.
  ...["simd", "no-simd"].map((form) => ({
    module: `../milo/${form}.js`,
    of: /[\\/]undici[\\/]/,
    text: leftOut("milo"),
  })),
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
];

const NAMESPACE = "lean";

/** Leaves these parts out of a program. An import of ours that a replacement lacks fails the build. */
export const lean: Plugin = {
  name: NAMESPACE,
  setup: (bundling) => {
    for (const { module, of, text } of replacements) {
      const escaped = module.replace(/[.\\/]/g, "\\$&");
      bundling.onResolve({ filter: new RegExp(`^${escaped}$`) }, ({ importer }) =>
        of === undefined || of.test(importer) ? { path: module, namespace: NAMESPACE } : undefined,
      );
      bundling.onLoad({ filter: new RegExp(`^${escaped}$`), namespace: NAMESPACE }, () => ({
        contents: text,
        resolveDir: path.dirname(import.meta.dirname),
      }));
    }
  },
};
