import { createHash } from "node:crypto";
import path from "node:path";
import type { LabRegion } from "./types.ts";

/** Paths of a lab, all below its directory. */
export interface LabLayout {
  readonly directory: string;
  /** Written first and removed last: a directory with it is a lab, complete or not. */
  readonly marker: string;
  readonly lock: string;
  readonly addressBook: string;
  /** Network namespaces, bound to files: "gra", "bhs", "witness", "controller", "host-NAME". */
  readonly networks: string;
  readonly hosts: string;
  readonly volumes: string;
  readonly ssh: string;
  readonly wan: string;
  readonly logs: string;
  /** Symbolic link to the apt repository that the hosts use. */
  readonly repository: string;
  /** Name of the lab's cgroup. */
  readonly cgroupName: string;
}

export function labLayout(labDirectory: string): LabLayout {
  const directory = path.resolve(labDirectory);
  return {
    directory,
    marker: path.join(directory, "lab.json"),
    lock: path.join(directory, "lock"),
    addressBook: path.join(directory, "addresses.json"),
    networks: path.join(directory, "networks"),
    hosts: path.join(directory, "hosts"),
    volumes: path.join(directory, "volumes"),
    ssh: path.join(directory, "ssh"),
    wan: path.join(directory, "wan"),
    logs: path.join(directory, "logs"),
    repository: path.join(directory, "repository"),
    // Derived, not stored, so that tear-down finds the cgroup even when no file in the directory is readable.
    cgroupName: `es-failover-lab-${createHash("sha256").update(directory).digest("hex").slice(0, 12)}`,
  };
}

export function regionNetwork(layout: LabLayout, region: LabRegion): string {
  return path.join(layout.networks, region);
}

export function controllerNetwork(layout: LabLayout): string {
  return path.join(layout.networks, "controller");
}

export function hostNetwork(layout: LabLayout, host: string): string {
  return path.join(layout.networks, `host-${host}`);
}

/** Paths of one host. */
export interface HostLayout {
  readonly directory: string;
  /** Its spec and addresses. */
  readonly record: string;
  /** The host's disk: its layer over the shared root file system. */
  readonly upper: string;
  readonly work: string;
  /** Mount point of its root, in its own mount namespace only. */
  readonly mountPoint: string;
  /** Process id of the host's PID 1 in this machine's PID namespace. */
  readonly initPid: string;
  /** Block devices, read at boot: a line "NAME MAJOR:MINOR LINK" each. */
  readonly devices: string;
  readonly console: string;
}

export function hostLayout(layout: LabLayout, host: string): HostLayout {
  const directory = path.join(layout.hosts, host);
  return {
    directory,
    record: path.join(directory, "host.json"),
    upper: path.join(directory, "upper"),
    work: path.join(directory, "work"),
    mountPoint: path.join(directory, "root"),
    initPid: path.join(directory, "init.pid"),
    devices: path.join(directory, "devices"),
    console: path.join(directory, "console.log"),
  };
}
