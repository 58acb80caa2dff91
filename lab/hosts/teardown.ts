import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { isMissing } from "../util/files.ts";
import { run } from "../util/run.ts";
import { cgroup2Mount, killCgroup, labCgroups, removeCgroup } from "./cgroup.ts";
import type { LabLayout } from "./layout.ts";
import { mountPointsUnder } from "./namespaces.ts";
import { closeAllVolumes } from "./volumes.ts";

/**
 * Removes everything a lab has on this machine, whatever became of it: whole, half made, half removed, or left behind by
 * a process that was killed. It asks the kernel what there is instead of trusting the lab's own records.
 */
export async function tearDown(layout: LabLayout): Promise<void> {
  // All processes of a lab are in its cgroup, and most of what it has in the kernel ends with them.
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
    throw new Error(`${layout.directory} holds files and is no lab (it has no lab.json): nothing in it was removed.`);
  }
  // The marker last: a removal that is interrupted can be taken up again.
  for (const entry of entries) {
    const file = `${layout.directory}/${entry}`;
    if (file !== layout.marker) await rm(file, { recursive: true, force: true });
  }
  await rm(layout.directory, { recursive: true, force: true });
}
