import { createHash } from "node:crypto";
import { optionalText, text } from "../protocol/inputs.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { regionViolation } from "./regions.ts";

/** Flavors and images of the lab's cloud: a subset of OVHcloud's, with its names and sizes. */

export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  readonly ramMiB: number;
  readonly diskGiB: number;
}

export interface Image {
  readonly id: string;
  readonly name: string;
  readonly minDiskGiB: number;
  readonly sizeGiB: number;
}

const flavorSizes: readonly (readonly [name: string, vcpus: number, ramMiB: number, diskGiB: number])[] = [
  ["d2-2", 1, 2_000, 25],
  ["d2-4", 2, 4_000, 50],
  ["d2-8", 4, 8_000, 50],
  ["b3-8", 2, 8_000, 50],
  ["b3-16", 4, 16_000, 100],
  ["b3-32", 8, 32_000, 200],
  ["b3-64", 16, 64_000, 400],
  ["r3-16", 2, 16_000, 50],
  ["r3-32", 4, 32_000, 100],
  ["r3-64", 8, 64_000, 200],
  ["c3-8", 4, 8_000, 100],
  ["c3-16", 8, 16_000, 200],
];

/** The lab's hosts have the root file system of Debian 13. */
const imageNames = ["Debian 13"];

/** Ids are per region, as on OVHcloud: an id of GRA11 does not exist in BHS5. */
function idOf(kind: string, region: string, name: string): string {
  const hex = createHash("sha256").update(`${kind}/${region}/${name}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

export function flavorsOf(region: string): readonly Flavor[] {
  return flavorSizes.map(([name, vcpus, ramMiB, diskGiB]) => ({
    id: idOf("flavor", region, name),
    name,
    vcpus,
    ramMiB,
    diskGiB,
  }));
}

export function imagesOf(region: string): readonly Image[] {
  return imageNames.map((name) => ({ id: idOf("image", region, name), name, minDiskGiB: 2, sizeGiB: 1 }));
}

/** Regions of a listing without a region. */
const listedRegions = ["GRA11", "BHS5", "DE1"];

function askedRegions(args: PropertyMap): readonly string[] {
  const region = optionalText(args, "region");
  if (region === undefined) return listedRegions;
  const violation = regionViolation(region);
  if (violation !== undefined) throw new Error(violation);
  return [region];
}

export async function getCloudInstanceFlavors(args: PropertyMap): Promise<PropertyMap> {
  const flavors = askedRegions(args).flatMap((region) =>
    flavorsOf(region).map(({ id, name, vcpus, ramMiB, diskGiB }) => ({
      id,
      name,
      vcpus,
      ram: ramMiB,
      disk: diskGiB,
      swap: 0,
      ephemeral: 0,
      isPublic: true,
      description: "",
      location: { region, availabilityZone: "" },
    })),
  );
  return { ...args, id: text(args, "serviceName"), flavors };
}

export async function getCloudInstanceImages(args: PropertyMap): Promise<PropertyMap> {
  const time = "2025-08-12T00:00:00Z";
  const images = askedRegions(args).flatMap((region) =>
    imagesOf(region).map(({ id, name, minDiskGiB, sizeGiB }) => ({
      id,
      name,
      minDisk: minDiskGiB,
      minRam: 0,
      size: sizeGiB,
      status: "ACTIVE",
      visibility: "PUBLIC",
      createdAt: time,
      updatedAt: time,
      location: { region, availabilityZone: "" },
    })),
  );
  return { ...args, id: text(args, "serviceName"), images };
}
