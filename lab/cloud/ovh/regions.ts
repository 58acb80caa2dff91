import type { LabRegion } from "../../hosts/types.ts";

/**
 * Which of the lab's regions plays which of OVHcloud's, by the beginning of the name: GRA11 and GRA9 are the lab's
 * `gra`. Every third place is the witness's.
 */
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

export function regionProblem(ovhRegion: string): string | undefined {
  if (labRegionOf(ovhRegion) !== undefined) return undefined;
  const known = Object.keys(labRegionByPrefix).map((prefix) => `${prefix}<number>`);
  return `${ovhRegion} is no region of the lab's cloud; it has ${known.join(", ")}`;
}
