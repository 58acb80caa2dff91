/** Puts a host together and takes it apart. Callers hold the lab's lock. */
import { rm } from "node:fs/promises";
import { choosePublicIp, privateIpViolation } from "./addressing.ts";
import type { LabContext } from "./context.ts";
import { createDisk } from "./disk.ts";
import { applyFirewall, ingressViolation } from "./firewall.ts";
import { hostLayout } from "./layout.ts";
import { connectHost, disconnectHost, setHostLink } from "./network.ts";
import { killHost, powerOn } from "./power.ts";
import { writeKnownHosts } from "./ssh.ts";
import type { HostRecord } from "./state.ts";
import { readAddressBook, readHostRecords, writeAddressBook, writeHostRecord } from "./state.ts";
import type { HostSpec, HostVolume, LabRegion } from "./types.ts";
import type { AttachedVolume } from "./volumes.ts";
import { closeVolume, nextDevice, openVolume, readDevices, volumeLink, writeDevices } from "./volumes.ts";

/** Why a host cannot be made with the others; undefined when it can. */
export function specViolation(spec: HostSpec, others: readonly HostSpec[]): string | undefined {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(spec.name)) return `"${spec.name}" is not a host name`;
  if (others.some((other) => other.name === spec.name)) return "the lab has a host of this name already";
  const privateIps = others.flatMap((other) => (other.privateIp === undefined ? [] : [other.privateIp]));
  const ipViolation = spec.privateIp && privateIpViolation(spec.region, spec.privateIp, privateIps);
  if (ipViolation) return ipViolation;
  if (spec.isPrivate === true && spec.privateIp === undefined) return "without a public interface it needs a privateIp";
  const attached = new Set(others.flatMap((other) => other.volumes.map((volume) => volume.id)));
  const shared = spec.volumes.find((volume) => attached.has(volume.id));
  if (shared !== undefined) return `volume ${shared.id} is attached to another host`;
  const links = spec.volumes.map((volume) => volumeLink(volume.id));
  if (new Set(links).size < links.length) return "two of its volumes begin with the same 20 characters";
  return ingressViolation(spec.ingress);
}

/** Makes a host and boots it; removes all of it on failure. */
export async function makeHost(lab: LabContext, spec: HostSpec): Promise<HostRecord> {
  const { layout } = lab;
  const others = await readHostRecords(layout);
  const violation = specViolation(
    spec,
    others.map((other) => other.spec),
  );
  if (violation !== undefined) throw new Error(`Host ${spec.name}: ${violation}.`);
  const book = await readAddressBook(layout);
  const record: HostRecord = { spec, publicIp: choosePublicIp(spec.region, spec.name, book) };
  await writeAddressBook(layout, { ...book, [spec.name]: record.publicIp });
  // An interrupted attempt may have left parts under this name.
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

/** Removes a host, even an incomplete one, with everything but its volumes. */
export async function discardHost(lab: LabContext, record: HostRecord): Promise<void> {
  const { layout } = lab;
  const { name, region, volumes } = record.spec;
  const host = hostLayout(layout, name);
  await rm(host.record, { force: true });
  // An incomplete host may have no ports yet.
  await setHostLink(layout, record, "down").catch(() => {});
  await killHost(lab, name);
  await disconnectHost(layout, record);
  for (const volume of volumes) await closeVolume(layout, volume.id);
  await rm(host.directory, { recursive: true, force: true });
  await applyRecords(lab, region);
}

/** Applies the hosts' records to the firewall and the known host keys. */
export async function applyRecords({ layout }: LabContext, region: LabRegion): Promise<void> {
  const records = await readHostRecords(layout);
  await applyFirewall(layout, region, records);
  await writeKnownHosts(layout, records);
}

/** Adds a volume to a host as its next block device; the host finds it at its next boot. */
export async function plugVolume(lab: LabContext, name: string, volume: HostVolume): Promise<AttachedVolume> {
  const host = hostLayout(lab.layout, name);
  const devices = await readDevices(host);
  const attached = await openVolume(lab.layout, volume, nextDevice(devices));
  await writeDevices(host, [...devices, attached]);
  return attached;
}

/** Removes a volume from a host. @returns its device; undefined when the host did not have it */
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
