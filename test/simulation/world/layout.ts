/** Regions have a cluster each, and a HAProxy where a watchdog runs beside it. */
export const regions = ["gra", "bhs"] as const;
export type Region = (typeof regions)[number];

export const sites = [...regions, "witness"] as const;
export type Site = (typeof sites)[number];

/** What a simulated system consists of, beside the clusters of both regions. */
export interface Layout {
  readonly name: "one site" | "three sites";
  /** Each has a host with a watchdog, a HAProxy where it is a region, and a member of etcd where the store is etcd. */
  readonly watchdogs: readonly Site[];
  readonly store: "file" | "etcd";
}

/** One watchdog in bhs, beside the only HAProxy. */
export const oneSite: Layout = { name: "one site", watchdogs: ["bhs"], store: "file" };

export const threeSites: Layout = { name: "three sites", watchdogs: sites, store: "etcd" };

export const layouts: readonly Layout[] = [oneSite, threeSites];

/** Every site with anything in it. */
export const sitesOf = ({ watchdogs }: Layout): readonly Site[] =>
  sites.filter((site) => isRegion(site) || watchdogs.includes(site));

export const isRegion = (site: Site): site is Region => site !== "witness";

export const otherRegion = (region: string): Region => (region === "gra" ? "bhs" : "gra");
