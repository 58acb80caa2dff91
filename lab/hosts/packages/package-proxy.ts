import { mkdir, rename, symlink } from "node:fs/promises";
import path from "node:path";
import { cachePath } from "../../../watchdog/util/cache.ts";
import { debianMirror } from "../../machine/debian-mirror.ts";
import { packagesPort } from "../addressing.ts";
import type { LabCgroups } from "../cgroup.ts";
import type { LabLayout } from "../layout.ts";
import { regionNetwork } from "../layout.ts";
import { startService } from "../service.ts";
import { labRegions } from "../types.ts";

/** Starts the proxy, which listens in every region's network and fetches in the network of this process. */
export async function startPackageProxy(layout: LabLayout, cgroups: LabCgroups): Promise<void> {
  const mirror = await debianMirror();
  const upstreams = {
    debian: mirror.main,
    ...(mirror.security === undefined ? {} : { "debian-security": mirror.security }),
  };
  const cache = cachePath("packages", "debian");
  await mkdir(cache, { recursive: true });
  const program = path.join(import.meta.dirname, "proxy.py");
  const namespaces = labRegions.map((region) => regionNetwork(layout, region));
  const settings = [String(packagesPort), cache, layout.repository, JSON.stringify(upstreams)];
  const argv = ["/usr/bin/python3", program, ...settings, ...namespaces];
  await startService(cgroups.service("packages"), argv, path.join(layout.logs, "packages.log"));
}

/** Serves `directory` to the hosts under /lab-apt/. */
export async function pointRepositoryAt(layout: LabLayout, directory: string): Promise<void> {
  const scratch = `${layout.repository}.${process.pid}.new`;
  await symlink(path.resolve(directory), scratch);
  await rename(scratch, layout.repository);
}
