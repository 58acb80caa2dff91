import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { hostRootDirectory } from "../machine/debian-root.ts";
import { createCgroup, labCgroups } from "./cgroup.ts";
import type { LabContext } from "./context.ts";
import { applyFirewall } from "./firewall.ts";
import type { LabLayout } from "./layout.ts";
import { labLayout, regionNetwork } from "./layout.ts";
import { mountPointsUnder } from "./namespaces.ts";
import { connectRegions, createNetworks } from "./network.ts";
import { startPackageProxy } from "./packages/package-proxy.ts";
import { createOperatorKey } from "./ssh.ts";
import { readLabRecord, writeLabRecord } from "./state.ts";
import { tearDown } from "./teardown.ts";
import { labRegions } from "./types.ts";
import { startWan } from "./wan/wan.ts";

export interface LabOptions {
  /**
   * Holds everything of the lab: state, the hosts' disks, keys, logs. It is also the lab's identity: two directories are
   * two labs. Must be on a file system that overlayfs can write to (ext4, xfs, btrfs; not an overlay).
   */
  readonly directory: string;
  /** Root file system of the hosts; default: the cached Debian 13 root of lab/machine/debian-root.ts, built if missing. */
  readonly rootDirectory?: string;
}

/** Makes networks, WAN and package proxy of a new lab; removes all of it on failure. */
export async function createLab(options: LabOptions): Promise<LabContext> {
  const layout = labLayout(options.directory);
  if (/[\s:,"\\]/.test(layout.directory)) {
    throw new Error(`${layout.directory}: a lab's directory has no blanks, colons, commas or quotes in its name.`);
  }
  const rootDirectory = options.rootDirectory ?? (await hostRootDirectory());
  await claimDirectory(layout, rootDirectory);
  const context = { layout, rootDirectory, cgroups: await labCgroups(layout.cgroupName) };
  try {
    for (const part of [layout.networks, layout.hosts, layout.volumes, layout.wan, layout.logs]) await mkdir(part);
    await createCgroup(context.cgroups.controller);
    await createOperatorKey(layout);
    await createNetworks(layout);
    for (const region of labRegions) await applyFirewall(layout, region, []);
    await startWan(layout, context.cgroups);
    await connectRegions(layout);
    await startPackageProxy(layout, context.cgroups);
    await writeLabRecord(layout, { version: 1, rootDirectory, complete: true });
  } catch (error) {
    await tearDown(layout);
    throw error;
  }
  return context;
}

/** Marks a directory as a lab, which allows `tearDown` to remove it. */
async function claimDirectory(layout: LabLayout, rootDirectory: string): Promise<void> {
  await mkdir(layout.directory, { recursive: true });
  if (existsSync(layout.marker)) {
    throw new Error(`There is a lab in ${layout.directory} already: use it, or take it down first.`);
  }
  if ((await readdir(layout.directory)).length > 0) {
    throw new Error(`${layout.directory} holds other files: a lab needs a directory of its own.`);
  }
  await writeLabRecord(layout, { version: 1, rootDirectory, complete: false });
}

/** @throws Error with what to do when there is no lab, or only a part of one */
export async function openLab(directory: string): Promise<LabContext> {
  const layout = labLayout(directory);
  const record = await readLabRecord(layout);
  if (record === undefined) throw new Error(`There is no lab in ${layout.directory}.`);
  const hasNetworks = (await mountPointsUnder(regionNetwork(layout, "gra"))).length > 0;
  if (!record.complete || !hasNetworks) {
    throw new Error(
      `The lab in ${layout.directory} is incomplete (its creation was interrupted, or the machine was restarted): ` +
        "take it down and create it again.",
    );
  }
  return { layout, rootDirectory: record.rootDirectory, cgroups: await labCgroups(layout.cgroupName) };
}
