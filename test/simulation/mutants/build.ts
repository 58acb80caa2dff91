import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import * as errors from "../../../watchdog/core/ports/cluster.ts";
import type { CreateWatchdog } from "../world/system.ts";
import type { Edit } from "./mutant.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const watchdog = path.join(root, "watchdog");

/** The watchdog with some edits made to its source, in one file of a temporary directory that `remove` deletes. */
export async function buildMutant(
  edits: readonly Edit[],
): Promise<{ readonly create: CreateWatchdog; readonly remove: () => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-mutant-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const file = path.join(directory, "watchdog.mjs");
    await build({
      entryPoints: [path.join(watchdog, "controller/watchdog.ts")],
      outfile: file,
      bundle: true,
      platform: "node",
      format: "esm",
      plugins: [withSharedErrors(edits), withEdits(edits)],
    });
    const module: { createWatchdog: CreateWatchdog } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    return { create: module.createWatchdog, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function withEdits(edits: readonly Edit[]): Plugin {
  const byFile = Map.groupBy(edits, ({ file }) => path.join(watchdog, file));
  return {
    name: "edits of the mutant",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
        const ofFile = byFile.get(file);
        return ofFile === undefined ? null : { contents: edited(await readFile(file, "utf8"), ofFile), loader: "ts" };
      });
    },
  };
}

function edited(source: string, edits: readonly Edit[]): string {
  return edits.reduce((text, { file, from, to }) => {
    const times = text.split(from).length - 1;
    if (times !== 1) throw new Error(`${file} contains the text to change ${times} times instead of once: ${from}`);
    return text.replace(from, () => to);
  }, source);
}

/** The file with the class of the errors that clusters throw. */
const ERRORS = path.join(watchdog, "core/ports/cluster.ts");
const SHARED_ERRORS = "es-failover errors of the simulator";

/** The simulated clusters throw the repository's own class, with which `instanceof` in the mutant has to compare them. */
function withSharedErrors(edits: readonly Edit[]): Plugin {
  const isEdited = edits.some(({ file }) => path.join(watchdog, file) === ERRORS);
  const names = Object.keys(errors).join(", ");
  const contents = `export const { ${names} } = globalThis[Symbol.for(${JSON.stringify(SHARED_ERRORS)})];`;
  return {
    name: "errors of the simulator",
    setup({ onLoad }) {
      onLoad({ filter: /\/ports\/cluster\.ts$/ }, ({ path: file }) => {
        return isEdited || file !== ERRORS ? null : { contents };
      });
    },
  };
}

Object.assign(globalThis, { [Symbol.for(SHARED_ERRORS)]: errors });
