/** What a host is made of, put together and taken apart. Everything here is for the holder of the lab's lock. */
import { rm } from "node:fs/promises";
import { choosePublicIp, privateIpFault } from "./addressing.ts";
import type { LabContext } from "./context.ts";
import { createDisk } from "./disk.ts";
import { applyFirewall, ingressFault } from "./firewall.ts";
import { hostLayout } from "./layout.ts";
import { connectHost, disconnectHost, setHostLink } from "./network.ts";
import { killHost, powerOn } from "./power.ts";
import { writeKnownHosts } from "./ssh.ts";
import type { HostRecord } from "./state.ts";
import { readAddressBook, readHostRecords, writeAddressBook, writeHostRecord } from "./state.ts";
import type { HostSpec, HostVolume, LabRegion } from "./types.ts";
import type { AttachedVolume } from "./volumes.ts";
import { closeVolume, nextDevice, openVolume, readDevices, volumeLink, writeDevices } from "./volumes.ts";

/** Says what keeps a host from being made beside the others, undefined when nothing does. */
export function specFault(spec: HostSpec, others: readonly HostSpec[]): string | undefined {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(spec.name)) return `"${spec.name}" is no host name`;
  if (others.some((other) => other.name === spec.name)) return "the lab has a host of this name already";
  const privateIps = others.flatMap((other) => (other.privateIp === undefined ? [] : [other.privateIp]));
  const wrongIp = spec.privateIp && privateIpFault(spec.region, spec.privateIp, privateIps);
  if (wrongIp) return wrongIp;
  const attached = new Set(others.flatMap((other) => other.volumes.map((volume) => volume.id)));
  const shared = spec.volumes.find((volume) => attached.has(volume.id));
  if (shared !== undefined) return `volume ${shared.id} is attached to another host`;
  const links = spec.volumes.map((volume) => volumeLink(volume.id));
  if (new Set(links).size < links.length) return "two of its volumes begin with the same 20 characters";
  return ingressFault(spec.ingress);
}

/** Makes a host and boots it; when that fails, nothing of it stays. */
export async function makeHost(lab: LabContext, spec: HostSpec): Promise<HostRecord> {
  const { layout } = lab;
  const others = await readHostRecords(layout);
  const fault = specFault(
    spec,
    others.map((other) => other.spec),
  );
  if (fault !== undefined) throw new Error(`Host ${spec.name}: ${fault}.`);
  const book = await readAddressBook(layout);
  const record: HostRecord = { spec, publicIp: choosePublicIp(spec.region, spec.name, book) };
  await writeAddressBook(layout, { ...book, [spec.name]: record.publicIp });
  // What an interrupted attempt left under this name is in the way.
  await discardHost(lab, record);
  try {
    await createDisk(layout, lab.rootDirectory, spec);
    await connectHost(layout, record);
    for (const volume of spec.volumes) await plugVolume(lab, spec.name, volume);
    await writeHostRecord(hostLayout(layout, spec.name), record);
    await applyRecords(lab, spec.region);
    await powerOn(lab, record);
  } catch (error) {
    await discardHost(lab, record);
    throw error;
  }
  return record;
}

/** Removes a host with all it has but its volumes; also one that is only half made. */
export async function discardHost(lab: LabContext, record: HostRecord): Promise<void> {
  const { layout } = lab;
  const { name, region, volumes } = record.spec;
  const host = hostLayout(layout, name);
  await rm(host.record, { force: true });
  // Its ports may be missing, when it was only half made; then nobody hears of its end anyway.
  await setHostLink(layout, record, "down").catch(() => {});
  await killHost(lab, name);
  await disconnectHost(layout, record);
  for (const volume of volumes) await closeVolume(layout, volume.id);
  await rm(host.directory, { recursive: true, force: true });
  await applyRecords(lab, region);
}

/** Makes the firewall and the known host keys agree with the hosts' records. */
export async function applyRecords({ layout }: LabContext, region: LabRegion): Promise<void> {
  const records = await readHostRecords(layout);
  await applyFirewall(layout, region, records);
  await writeKnownHosts(layout, records);
}

/** Gives a host a volume as its next block device, for its next boot to find. */
export async function plugVolume(lab: LabContext, name: string, volume: HostVolume): Promise<AttachedVolume> {
  const host = hostLayout(lab.layout, name);
  const devices = await readDevices(host);
  const attached = await openVolume(lab.layout, volume, nextDevice(devices));
  await writeDevices(host, [...devices, attached]);
  return attached;
}

/** Takes a volume from a host. Returns the device it was; undefined when the host did not have it. */
export async function unplugVolume(lab: LabContext, name: string, id: string): Promise<AttachedVolume | undefined> {
  const host = hostLayout(lab.layout, name);
  const devices = await readDevices(host);
  const attached = devices.find((device) => device.link === volumeLink(id));
  if (attached === undefined) return undefined;
  await writeDevices(
    host,
    devices.filter((device) => device !== attached),
  );
  await closeVolume(lab.layout, id);
  return attached;
}
