import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { CreateWatchdog } from "../world/regions.ts";

const root = path.resolve(import.meta.dirname, "../../..");

/** One place of the source, changed. */
export interface Edit {
  /** Below watchdog/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A rule left out on purpose. The simulator has to notice. */
export interface OmittedRule extends Edit {
  /** The rule's name, as in the design where it has one there. */
  readonly rule: string;
  /** What the mutant does wrong. */
  readonly defect: string;
  /** A second guard taken away first, where there is one. By itself this must break nothing. */
  readonly given?: Edit;
}

/** How a certain simulated system shows that a rule is left out. */
export interface Mutation extends OmittedRule {
  /** Invariants one of which has to break. */
  readonly breaks: readonly string[];
  /** The faults under which it shows soonest. */
  readonly faults: readonly string[];
}

/** The watchdog with some edits made to its source, built in a directory of its own. */
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
      if (times !== 1) throw new Error(`${file} has the text to be changed ${times} times instead of once: ${from}`);
      await writeFile(
        place,
        source.replace(from, () => to),
      );
    }
    const entry = pathToFileURL(path.join(directory, "watchdog/controller/watchdog.ts")).href;
    const module: { createWatchdog: CreateWatchdog } = await import(/* @vite-ignore */ entry);
    return { create: module.createWatchdog, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
