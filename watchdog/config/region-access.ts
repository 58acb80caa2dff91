import type { RegionName } from "./address.ts";
import type { WatchdogConfig } from "./schema.ts";
import type { ConfigViolation } from "./violations.ts";

/** How one region's cluster is reached: what the region has of its own, else what `elasticsearch` has for both. */
export interface RegionAccess {
  readonly nodes: readonly string[];
  readonly credentials: Credentials;
  /** null where all nodes are reached by plain http. */
  readonly ca: NamedFile | null;
}

export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly secret: NamedFile }
  | { readonly kind: "api-key"; readonly secret: NamedFile };

/** A file, and the key that names it. */
export interface NamedFile {
  readonly key: string;
  readonly file: string;
}

type AccessConfig = Pick<WatchdogConfig, "regions" | "elasticsearch">;
type RegionSettings = WatchdogConfig["regions"][RegionName];

/** @throws Error where the region is not configured, or lacks what `regionAccessViolations` asks for */
export function regionAccess({ regions, elasticsearch }: AccessConfig, region: RegionName): RegionAccess {
  const own = regions[region];
  if (own === undefined) {
    throw new Error(`${region} is not a configured region; the regions are ${Object.keys(regions).join(" and ")}`);
  }
  const named = (setting: "passwordFile" | "caFile"): NamedFile => {
    const ownFile = own[setting];
    if (ownFile !== undefined) return { key: `regions.${region}.${setting}`, file: ownFile };
    return { key: `elasticsearch.${setting}`, file: required(elasticsearch[setting], `elasticsearch.${setting}`) };
  };
  const credentials = (): Credentials => {
    const { apiKeyFile } = own;
    if (apiKeyFile !== undefined) {
      return { kind: "api-key", secret: { key: `regions.${region}.apiKeyFile`, file: apiKeyFile } };
    }
    const username = required(own.username ?? elasticsearch.username, `regions.${region}.username`);
    return { kind: "password", username, secret: named("passwordFile") };
  };
  return { nodes: own.nodes, credentials: credentials(), ca: own.nodes.some(isTls) ? named("caFile") : null };
}

/** By region; empty while `regionAccessViolations` finds any. */
export function regionAccesses(config: AccessConfig): ReadonlyMap<RegionName, RegionAccess> {
  const regions = regionAccessViolations(config).length > 0 ? [] : Object.keys(config.regions);
  return new Map(regions.map((region) => [region, regionAccess(config, region)]));
}

/** The CA files of both regions' nodes, each once. */
export function nodeCaFiles(config: AccessConfig): readonly NamedFile[] {
  const files = [...regionAccesses(config).values()].flatMap(({ ca }) => ca ?? []);
  return [...new Map(files.map((named) => [named.key, named])).values()];
}

/** The name under which the other region's cluster knows this region's: `cluster.remote.<name>` there. */
export function remoteAliasOf({ regions }: Pick<WatchdogConfig, "regions">, region: RegionName): string {
  return regions[region]?.remoteAlias ?? region;
}

/** Each region is reached in one way: by user and password or by API key, and over TLS unless plain http is permitted. */
export function regionAccessViolations(config: AccessConfig): readonly ConfigViolation[] {
  return Object.entries(config.regions).flatMap(([region, own]) => [
    ...credentialViolations(`regions.${region}`, own, config),
    ...transportViolations(`regions.${region}`, own, config),
  ]);
}

function credentialViolations(
  section: string,
  own: RegionSettings,
  { elasticsearch }: AccessConfig,
): readonly ConfigViolation[] {
  if (own.apiKeyFile !== undefined) {
    return (["username", "passwordFile"] as const).flatMap((setting) =>
      own[setting] === undefined
        ? []
        : [
            {
              key: `${section}.${setting}`,
              message: `must be left out beside ${section}.apiKeyFile: an API key has no user`,
            },
          ],
    );
  }
  return (["username", "passwordFile"] as const).flatMap((setting) =>
    (own[setting] ?? elasticsearch[setting]) !== undefined
      ? []
      : [
          {
            key: `${section}.${setting}`,
            message: `is missing: write it, or elasticsearch.${setting} for both regions, or ${section}.apiKeyFile`,
          },
        ],
  );
}

function transportViolations(
  section: string,
  { nodes, plainHttp, caFile }: RegionSettings,
  { elasticsearch }: AccessConfig,
): readonly ConfigViolation[] {
  const plain = plainHttp
    ? []
    : nodes.flatMap((url, position) =>
        isTls(url)
          ? []
          : [
              {
                key: `${section}.nodes[${position}]`,
                message:
                  `is "${url}": passwords and documents would cross the network readable by all on it. Write an https URL, or ` +
                  `set ${section}.plainHttp to true`,
              },
            ],
      );
  const hasCa = (caFile ?? elasticsearch.caFile) !== undefined;
  if (hasCa || !nodes.some(isTls)) return plain;
  const message = `is missing: write it, or elasticsearch.caFile for both regions`;
  return [...plain, { key: `${section}.caFile`, message }];
}

const isTls = (url: string): boolean => url.startsWith("https:");

function required(value: string | undefined, key: string): string {
  if (value === undefined) throw new Error(`${key} is missing`);
  return value;
}
