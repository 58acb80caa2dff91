import type { LabRegion } from "../../hosts/types.ts";

/** The lab's region for an OVHcloud region, by the prefix of its name: GRA11 and GRA9 are the lab's `gra`. */
const labRegionByPrefix: Readonly<Record<string, LabRegion>> = {
  GRA: "gra",
  BHS: "bhs",
  DE: "witness",
  UK: "witness",
  WAW: "witness",
  SBG: "witness",
  RBX: "witness",
};

/** Regions with one availability zone, as all of these are: a name of letters and digits, such as GRA11. */
const regionName = /^([A-Z]+)\d+$/;

export function labRegionOf(ovhRegion: string): LabRegion | undefined {
  const prefix = regionName.exec(ovhRegion)?.[1];
  return prefix === undefined ? undefined : labRegionByPrefix[prefix];
}

export function regionViolation(ovhRegion: string): string | undefined {
  if (labRegionOf(ovhRegion) !== undefined) return undefined;
  const known = Object.keys(labRegionByPrefix).map((prefix) => `${prefix}<number>`);
  return `${ovhRegion} is not a region of the lab's cloud; it has ${known.join(", ")}`;
}
