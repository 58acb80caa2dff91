import { mkdir, readdir, readFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomically } from "../../watchdog/util/files.ts";
import { isMissing } from "../util/files.ts";
import { present } from "../util/present.ts";
import type { AddressBook } from "./addressing.ts";
import type { HostLayout, LabLayout } from "./layout.ts";
import { hostLayout } from "./layout.ts";
import type { HostAddresses, HostSpec } from "./types.ts";
import { labRegions } from "./types.ts";

/** The lab as a whole. */
export interface LabRecord {
  /** Grows when a lab's files change in an incompatible way. */
  readonly version: 1;
  readonly rootDirectory: string;
  /** False until every part of the lab exists. */
  readonly complete: boolean;
}

export interface HostRecord {
  readonly spec: HostSpec;
  /** Reserved, and without an interface, where the host is private. */
  readonly publicIp: string;
}

const labSchema = z.object({ version: z.literal(1), rootDirectory: z.string(), complete: z.boolean() });

const specSchema = z.object({
  name: z.string(),
  region: z.enum(labRegions),
  privateIp: z.exactOptional(z.string()),
  isPrivate: z.exactOptional(z.boolean()),
  gatewayIp: z.exactOptional(z.string()),
  authorizedKeys: z.array(z.string()),
  ingress: z.array(
    z.object({
      protocol: z.enum(["tcp", "udp", "icmp", "vrrp"]),
      ports: z.exactOptional(z.tuple([z.number(), z.number()])),
      sources: z.array(z.string()),
    }),
  ),
  volumes: z.array(z.object({ id: z.string(), sizeGiB: z.number() })),
}) satisfies z.ZodType<HostSpec>;

const hostSchema = z.object({ spec: specSchema, publicIp: z.string() });
const addressBookSchema = z.record(z.string(), z.string());

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return schema.parse(JSON.parse(text));
}

const writeJson = (file: string, value: unknown): Promise<void> =>
  writeFileAtomically(file, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o644, durable: false });

export const readLabRecord = (layout: LabLayout): Promise<LabRecord | undefined> => readJson(layout.marker, labSchema);

export const writeLabRecord = (layout: LabLayout, record: LabRecord): Promise<void> => writeJson(layout.marker, record);

export async function readAddressBook(layout: LabLayout): Promise<AddressBook> {
  return (await readJson(layout.addressBook, addressBookSchema)) ?? {};
}

export const writeAddressBook = (layout: LabLayout, book: AddressBook): Promise<void> =>
  writeJson(layout.addressBook, book);

export const readHostRecord = (layout: LabLayout, name: string): Promise<HostRecord | undefined> =>
  readJson(hostLayout(layout, name).record, hostSchema);

export async function writeHostRecord(host: HostLayout, record: HostRecord): Promise<void> {
  await mkdir(host.directory, { recursive: true });
  await writeJson(host.record, record);
}

/** @throws Error with the names of all hosts when there is none of that name */
export async function existingHost(layout: LabLayout, name: string): Promise<HostRecord> {
  const record = await readHostRecord(layout, name);
  if (record !== undefined) return record;
  const names = (await readHostRecords(layout)).map(({ spec }) => spec.name);
  throw new Error(`The lab has no host "${name}". There are: ${names.join(", ") || "none"}.`);
}

/** All hosts by name, without one that another process is just making or removing. */
export async function readHostRecords(layout: LabLayout): Promise<readonly HostRecord[]> {
  const records: HostRecord[] = [];
  for (const name of (await readdir(layout.hosts)).sort()) {
    const record = await readHostRecord(layout, name);
    if (record !== undefined) records.push(record);
  }
  return records;
}

export function addressesOf({ spec, publicIp }: HostRecord): HostAddresses {
  const { name, privateIp, isPrivate = false } = spec;
  return { name, ...present({ publicIp: isPrivate ? undefined : publicIp, privateIp }) };
}

/** Every address by which the host is reached, the public one first. */
export function reachableAddresses(record: HostRecord): readonly string[] {
  const { publicIp, privateIp } = addressesOf(record);
  return [publicIp, privateIp].filter((address) => address !== undefined);
}
