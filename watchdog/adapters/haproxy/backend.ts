import type { RegionName } from "../../config/address.ts";

const PREFIX = "es_";

/** The backend of a region's servers. */
export const backendOf = (region: RegionName): string => `${PREFIX}${region}`;

/** The region of a backend; null for a backend of something else. */
export const regionOf = (backend: string): RegionName | null =>
  backend.startsWith(PREFIX) ? backend.slice(PREFIX.length) : null;
