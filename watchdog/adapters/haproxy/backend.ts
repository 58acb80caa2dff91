import type { RegionName } from "../../config/address.ts";

const PREFIX = "es_";

/** The backend of a region's servers. */
export const backendOf = (region: RegionName): string => `${PREFIX}${region}`;

/** The process-wide variables in which HAProxy notes when a region acknowledged writes: see `RegionWrites`. */
export const writeVariablesOf = (region: RegionName): { readonly first: string; readonly last: string } => {
  // HAProxy accepts no hyphen in the name of a variable.
  const name = region.replaceAll("-", "_");
  return { first: `proc.es_first_write_${name}`, last: `proc.es_last_write_${name}` };
};

/** The region of a backend; null for a backend of something else. */
export const regionOf = (backend: string): RegionName | null =>
  backend.startsWith(PREFIX) ? backend.slice(PREFIX.length) : null;
