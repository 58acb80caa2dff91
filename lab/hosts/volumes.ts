import { open, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomically } from "../../watchdog/util/files.ts";
import { isMissing } from "../util/files.ts";
import { run } from "../util/run.ts";
import type { HostLayout, LabLayout } from "./layout.ts";
import type { HostVolume } from "./types.ts";

const bytesPerGiB = 1024 ** 3;

/** A volume inside a host, backed by a loop device of this machine. */
export interface AttachedVolume {
  /** Name of the device in the host's /dev: vdb, vdc, … (vda would be the root disk). */
  readonly device: string;
  /** Major and minor number, "7:3". */
  readonly number: string;
  /** Name under /dev/disk/by-id; QEMU derives it from at most 20 characters of a virtio disk's serial number. */
  readonly link: string;
}

/** Name of a volume's link under /dev/disk/by-id. */
export function volumeLink(id: string): string {
  return `virtio-${id.slice(0, 20)}`;
}

const volumeFile = (layout: LabLayout, id: string): string => path.join(layout.volumes, `${id}.img`);

/**
 * Creates a volume's sparse file. An existing one keeps its data and grows to the size; a host that it is attached to sees the
 * new size at once, as with QEMU.
 */
export async function createVolume(layout: LabLayout, volume: HostVolume): Promise<void> {
  if (!/^[\w-]{1,64}$/.test(volume.id)) throw new Error(`"${volume.id}" is not an identifier of a volume.`);
  if (!(volume.sizeGiB > 0)) throw new Error(`Volume ${volume.id}: ${volume.sizeGiB} GiB is not a size.`);
  const file = volumeFile(layout, volume.id);
  const size = Math.round(volume.sizeGiB * bytesPerGiB);
  const handle = await open(file, "a");
  try {
    const before = (await handle.stat()).size;
    if (before > size) throw new Error(`Volume ${volume.id} has ${before / bytesPerGiB} GiB and cannot shrink.`);
    await handle.truncate(size);
  } finally {
    await handle.close();
  }
  const loop = (await loopDevices()).find((one) => one.file === file);
  if (loop !== undefined) await run("losetup", ["--set-capacity", loop.device]);
}

export async function deleteVolume(layout: LabLayout, id: string): Promise<void> {
  const file = volumeFile(layout, id);
  if ((await loopDevices()).some((loop) => loop.file === file)) {
    throw new Error(`Volume ${id} is attached to a host: detach it first.`);
  }
  await rm(file, { force: true });
}

/** The volume's block device: its present one, else a new one. */
export async function openVolume(layout: LabLayout, volume: HostVolume, device: string): Promise<AttachedVolume> {
  await createVolume(layout, volume);
  const file = volumeFile(layout, volume.id);
  const before = (await loopDevices()).find((loop) => loop.file === file);
  const loop = before?.device ?? (await run("losetup", ["--find", "--show", file])).trim();
  const number = (await readFile(`/sys/block/${path.basename(loop)}/dev`, "utf8")).trim();
  return { device, number, link: volumeLink(volume.id) };
}

/** Detaches a volume's block device; its data stays. */
export async function closeVolume(layout: LabLayout, id: string): Promise<void> {
  await detachLoopDevices((file) => file === volumeFile(layout, id));
}

/** Detaches every block device of a lab. */
export async function closeAllVolumes(layout: LabLayout): Promise<void> {
  await detachLoopDevices((file) => file.startsWith(`${layout.volumes}/`));
}

async function detachLoopDevices(which: (file: string) => boolean): Promise<void> {
  for (const loop of await loopDevices()) if (which(loop.file)) await run("losetup", ["--detach", loop.device]);
}

interface LoopDevice {
  readonly device: string;
  readonly file: string;
}

async function loopDevices(): Promise<readonly LoopDevice[]> {
  const devices: LoopDevice[] = [];
  for (const name of await readdir("/sys/block")) {
    if (!name.startsWith("loop")) continue;
    try {
      const file = (await readFile(`/sys/block/${name}/loop/backing_file`, "utf8")).trimEnd();
      devices.push({ device: `/dev/${name}`, file: file.replace(/ \(deleted\)$/, "") });
    } catch (error) {
      // A loop device that is not in use has no such file.
      if (!isMissing(error)) throw error;
    }
  }
  return devices;
}

/** Lists the host's block devices for its next boot. */
export async function writeDevices(host: HostLayout, volumes: readonly AttachedVolume[]): Promise<void> {
  const lines = volumes.map((volume) => `${volume.device} ${volume.number} ${volume.link}\n`);
  await writeFileAtomically(host.devices, lines.join(""), { mode: 0o644, durable: false });
}

export async function readDevices(host: HostLayout): Promise<readonly AttachedVolume[]> {
  const text = await readFile(host.devices, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [device = "", number = "", link = ""] = line.split(" ");
      return { device, number, link };
    });
}

/** The first free device name of a host, from vdb on. */
export function nextDevice(taken: readonly AttachedVolume[]): string {
  const names = new Set(taken.map((volume) => volume.device));
  const letter = [..."bcdefghijklmnopqrstuvwxyz"].find((candidate) => !names.has(`vd${candidate}`));
  if (letter === undefined) throw new Error("A host has at most 25 volumes.");
  return `vd${letter}`;
}
