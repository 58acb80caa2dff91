import type { SimCluster } from "./cluster/cluster.ts";
import { type Region, regions, type Site } from "./layout.ts";
import type { Network } from "./network.ts";
import type { Station } from "./station.ts";
import type { World } from "./world.ts";

const TIMEOUT_MS = 5_000;
/** Some requests are under way for a while: they arrive although the router has closed since. */
const SLOW_SHARE = 0.05;
const SLOW_MS_MAX = 2_000;
/** Of the first index. Rollovers give it to later ones. */
export const WRITE_ALIAS = "logs-write";

/** A write that a region acknowledged to a client. */
export interface Acknowledgement {
  readonly id: string;
  readonly index: string;
  readonly region: Region;
  readonly atMs: number;
}

export interface ClientsOptions {
  readonly world: World;
  readonly network: Network;
  readonly clusters: Readonly<Record<Region, SimCluster>>;
  /** How many routers there are. */
  readonly routers: number;
}

/** Applications beside the routers, which write through them. */
export class Clients {
  readonly #world: World;
  readonly #network: Network;
  readonly #clusters: ClientsOptions["clusters"];
  readonly #routers: number;
  readonly acknowledged: Acknowledgement[] = [];
  /** Requests that a router turned away after every router had been open. */
  readonly refused: { readonly site: Site; readonly atMs: number }[] = [];
  readonly #opened = new Set<Site>();
  #writes = 0;
  #rollovers = 0;

  constructor({ world, network, clusters, routers }: ClientsOptions) {
    this.#world = world;
    this.#network = network;
    this.#clusters = clusters;
    this.#routers = routers;
  }

  /**
   * One write through the router of a station; true when the router forwards it. A client whose index does not exist
   * creates it.
   */
  write(station: Station, index: string): boolean {
    this.#writes += 1;
    const id = `${index}#${this.#writes}`;
    return this.#send(station, (region) => this.#arrive(station.site, { id, index, region }));
  }

  /** One write to the alias. */
  writeToAlias(station: Station): boolean {
    this.#writes += 1;
    const id = `${WRITE_ALIAS}#${this.#writes}`;
    return this.#send(station, (region) => {
      const index = this.#clusters[region].writeIndexOf(WRITE_ALIAS)?.name;
      if (index !== undefined) this.#arrive(station.site, { id, index, region });
    });
  }

  /** A new index takes over the writes to the alias. */
  rollOver(station: Station): boolean {
    this.#rollovers += 1;
    const name = `logs-rolled-${this.#rollovers}`;
    return this.#send(station, (region) => void this.#clusters[region].rollOver(WRITE_ALIAS, name));
  }

  #send({ site, router }: Station, arrive: (region: Region) => void): boolean {
    const region = regions.find((one) => one === router?.route());
    if (region === undefined) {
      if (this.#opened.size === this.#routers) this.refused.push({ site, atMs: this.#world.nowMs });
      return false;
    }
    this.#opened.add(site);
    const thereMs = this.#network.latencyMs(site, region);
    if (thereMs === null || thereMs > TIMEOUT_MS) return true;
    const { random } = this.#world;
    const slowMs = random.chance(SLOW_SHARE) ? random.between(1, SLOW_MS_MAX) : 0;
    this.#world.after(thereMs + slowMs, () => arrive(region));
    return true;
  }

  #arrive(site: Site, { id, index, region }: Omit<Acknowledgement, "atMs">): void {
    const cluster = this.#clusters[region];
    if (!cluster.write(index, id)) {
      cluster.createIndex(index, index === "logs-1" ? WRITE_ALIAS : null);
      return;
    }
    const backMs = this.#network.latencyMs(region, site);
    if (backMs === null) return;
    this.#world.after(backMs, () => this.acknowledged.push({ id, index, region, atMs: this.#world.nowMs }));
  }
}
