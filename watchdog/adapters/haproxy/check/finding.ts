import type { RegionName } from "../../../config/address.ts";
import { regionOf } from "../backend.ts";
import type { Line, Section } from "./configuration.ts";

/**
 * `around`: requests reach a region without a valid ticket; `broken`: the entry would stay closed; `advice`: it works, and could
 * do better.
 */
export type FindingKind = "around" | "broken" | "advice";

export interface RoutingFinding {
  readonly kind: FindingKind;
  /** `haproxy.cfg:12 frontend app`. */
  readonly where: string;
  readonly what: string;
}

/** What a configuration is compared with. */
export interface RoutingExpectation {
  /** `host:port` of each region's nodes. */
  readonly nodes: Readonly<Record<RegionName, readonly string[]>>;
  readonly ticketMapFile: string;
  readonly adminSocket: string;
  /** Other forms of an address, as `host:port`: what its name resolves to. Default: none. */
  readonly alsoKnownAs?: (address: string) => readonly string[];
}

export const finding = (kind: FindingKind, section: Section, what: string, line?: Line): RoutingFinding => ({
  kind,
  where: `${(line ?? section).place} ${section.kind} ${section.name}`.trimEnd(),
  what,
});

/** The configured region that a backend's name stands for. */
export function regionNamed(backend: string | undefined, { nodes }: RoutingExpectation): RegionName | null {
  const region = regionOf(backend ?? "");
  return region !== null && region in nodes ? region : null;
}

export interface Server {
  readonly line: Line;
  readonly address: string;
}

/** `server name address …` and `server-template prefix count address …`. */
export function serversOf({ lines }: Section): readonly Server[] {
  return lines.flatMap((line) => {
    const [first, , third = "", fourth = ""] = line.words;
    if (first === "server") return [{ line, address: withoutPrefix(third) }];
    return first === "server-template" ? [{ line, address: withoutPrefix(fourth) }] : [];
  });
}

const withoutPrefix = (address: string): string => address.replace(/^ipv[46]@/, "").toLowerCase();

/** The region of which a server is a node; null for a server of something else. */
export function regionServed(address: string, expected: RoutingExpectation): RegionName | null {
  const found = Object.entries(expected.nodes).find(([, nodes]) =>
    nodes.some((node) => isSame(node, address, expected)),
  );
  return found?.[0] ?? null;
}

export function isSame(node: string, address: string, { alsoKnownAs = () => [] }: RoutingExpectation): boolean {
  const ofNode = [node.toLowerCase(), ...alsoKnownAs(node)];
  return [address, ...alsoKnownAs(address)].some((each) => ofNode.includes(each));
}

/** The nodes among a section's servers: "a node of gra (es-1:9200)"; empty for none. */
export function nodesIn(section: Section, expected: RoutingExpectation): string {
  const addresses = serversOf(section).map(({ address }) => address);
  return Object.keys(expected.nodes)
    .flatMap((region) => {
      const own = addresses.filter((address) => regionServed(address, expected) === region);
      return own.length === 0 ? [] : [`${own.length === 1 ? "a node" : "nodes"} of ${region} (${own.join(", ")})`];
    })
    .join(" and ");
}
