import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { isMissing } from "../util/files.ts";
import { run } from "../util/run.ts";
import { cgroup2Mount, killCgroup, labCgroups, removeCgroup } from "./cgroup.ts";
import type { LabLayout } from "./layout.ts";
import { mountPointsUnder } from "./namespaces.ts";
import { closeAllVolumes } from "./volumes.ts";

/**
 * Removes everything a lab has on this machine, in any state: complete, partly made, partly removed, or left behind by a
 * killed process. Finds it in the kernel rather than in the lab's own records.
 */
export async function tearDown(layout: LabLayout): Promise<void> {
  // All processes of a lab are in its cgroup, and most of its kernel objects end with them.
  if ((await cgroup2Mount()) !== undefined) {
    const { root } = await labCgroups(layout.cgroupName);
    await killCgroup(root);
    await removeCgroup(root);
  }
  await closeAllVolumes(layout);
  for (const mountPoint of await mountPointsUnder(layout.directory)) await run("umount", ["--lazy", mountPoint]);
  await removeDirectory(layout);
}

async function removeDirectory(layout: LabLayout): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(layout.directory);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  if (entries.length > 0 && !existsSync(layout.marker)) {
    throw new Error(`${layout.directory} holds files and is not a lab (it has no lab.json): nothing was removed.`);
  }
  // The marker last, so that an interrupted removal can be repeated.
  for (const entry of entries) {
    const file = `${layout.directory}/${entry}`;
    if (file !== layout.marker) await rm(file, { recursive: true, force: true });
  }
  await rm(layout.directory, { recursive: true, force: true });
}
