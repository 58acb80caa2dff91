import type { RegionName } from "../../config/address.ts";

/** The other regions by the names that clusters have for them as remote clusters, which may differ from the regions' own. */
export class RemoteAliases {
  readonly #own: RegionName;
  readonly #aliases: ReadonlyMap<RegionName, string>;

  /**
   * @param own the region of the cluster that is asked
   * @param aliases by region, the name under which the other region's cluster knows it
   */
  constructor(own: RegionName, aliases: Readonly<Record<RegionName, string>>) {
    this.#own = own;
    this.#aliases = new Map(Object.entries(aliases));
  }

  aliasOf(region: RegionName): string {
    return this.#aliases.get(region) ?? region;
  }

  /** The region that the cluster knows under this name; for another remote cluster a name that no region has. */
  regionOf(alias: string): string {
    const others = [...this.#aliases].filter(([region]) => region !== this.#own);
    const known = others.find(([, name]) => name === alias);
    if (known !== undefined) return known[0];
    return others.some(([region]) => region === alias) ? `${alias}, another remote cluster` : alias;
  }
}
