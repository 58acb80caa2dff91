import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { CreateWatchdog } from "../world/system.ts";
import type { Edit } from "./mutant.ts";

const root = path.resolve(import.meta.dirname, "../../..");

/** The watchdog with some edits made to its source, in a temporary directory that `remove` deletes. */
export async function buildMutant(
  edits: readonly Edit[],
): Promise<{ readonly create: CreateWatchdog; readonly remove: () => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-mutant-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await cp(path.join(root, "watchdog"), path.join(directory, "watchdog"), { recursive: true });
    await cp(path.join(root, "package.json"), path.join(directory, "package.json"));
    await symlink(path.join(root, "node_modules"), path.join(directory, "node_modules"));
    for (const { file, from, to } of edits) {
      const place = path.join(directory, "watchdog", file);
      const source = await readFile(place, "utf8");
      const times = source.split(from).length - 1;
      if (times !== 1) throw new Error(`${file} contains the text to change ${times} times instead of once: ${from}`);
      await writeFile(
        place,
        source.replace(from, () => to),
      );
    }
    await shareErrors(directory, edits);
    const entry = pathToFileURL(path.join(directory, "watchdog/controller/watchdog.ts")).href;
    const module: { createWatchdog: CreateWatchdog } = await import(/* @vite-ignore */ entry);
    return { create: module.createWatchdog, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The file with the class of the errors that clusters throw. */
const ERRORS = "core/ports/cluster.ts";

/** The simulated clusters throw the repository's own class, with which `instanceof` in the mutant has to compare them. */
async function shareErrors(directory: string, edits: readonly Edit[]): Promise<void> {
  if (edits.some(({ file }) => file === ERRORS)) return;
  const own = pathToFileURL(path.join(root, "watchdog", ERRORS)).href;
  await writeFile(path.join(directory, "watchdog", ERRORS), `export * from ${JSON.stringify(own)};\n`);
}
