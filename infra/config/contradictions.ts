import { witnessName } from "../../watchdog/config/address.ts";
import { timingViolations } from "../../watchdog/config/timing.ts";
import { sentenceOf } from "../../watchdog/config/violations.ts";
import { contains, overlap, parseCidr } from "../ipv4.ts";
import { keyName } from "./messages.ts";
import { configNamespace, type StackConfig } from "./schema.ts";

/** What each value alone cannot show: values that do not fit together. */
export function contradictions(config: StackConfig): string[] {
  return [
    ...regionContradictions(config),
    ...witnessContradictions(config),
    ...networkContradictions(config),
    ...licenceContradictions(config),
    ...timingContradictions(config),
  ];
}

function regionContradictions(config: StackConfig): string[] {
  const regions = Object.keys(config.regions);
  const stacks = config.witness === null ? regions : [...regions, witnessName];
  const known = (names: readonly string[]) => `one of ${names.join(", ")}`;
  const problems: string[] = [];
  if (!stacks.includes(config.region)) {
    problems.push(
      config.region === witnessName
        ? `${keyName(["region"])} is "${witnessName}", and ${keyName(["witness"])} is none: there is no such site.`
        : `${keyName(["region"])} is "${config.region}": write ${known(stacks)}.`,
    );
  }
  if (!regions.includes(config.firstPrimary)) {
    problems.push(`${keyName(["firstPrimary"])} is "${config.firstPrimary}": write ${known(regions)}.`);
  }
  const addressed = Object.keys(config.endpointAddresses ?? {});
  const isComplete = addressed.length === regions.length && regions.every((region) => addressed.includes(region));
  if (config.endpointAddresses !== null && !isComplete) {
    problems.push(
      `${keyName(["endpointAddresses"])} names ${addressed.join(", ") || "nothing"}: write an address for each of ${regions.join(", ")}.`,
    );
  }
  if (regions.includes(witnessName)) {
    problems.push(`${keyName(["regions", witnessName])}: no region may bear this name, it is the third site's.`);
  }
  return problems;
}

/** Several routers need a store with a quorum, and a quorum needs a member at each of three sites. */
function witnessContradictions(config: StackConfig): string[] {
  const counts = Object.entries(config.regions).map(([region, { haproxyNodes }]) => ({ region, haproxyNodes }));
  const total = counts.reduce((sum, { haproxyNodes }) => sum + haproxyNodes, 0);
  if (config.witness !== null) {
    return counts
      .filter(({ haproxyNodes }) => haproxyNodes === 0)
      .map(
        ({ region }) =>
          `${keyName(["regions", region, "haproxyNodes"])} is 0: with a witness each region needs a HAProxy host, ` +
          `which also holds the region's member of etcd. Without a witness (${keyName(["witness"])}: none) one is enough.`,
      );
  }
  if (total === 1) return [];
  const shown = counts.map(({ region, haproxyNodes }) => `${region} ${haproxyNodes}`).join(", ");
  return [
    `${keyName(["regions"])}: haproxyNodes is ${shown}, and ${keyName(["witness"])} is none: without a witness the state ` +
      "is kept in one watchdog's file, so exactly one HAProxy host may exist. Set haproxyNodes to 1 in one region and to 0 in the other, or set a witness.",
  ];
}

function networkContradictions(config: StackConfig): string[] {
  const whole = parseCidr(config.network.cidr);
  const part = (where: readonly string[], text: string) => ({ where, name: where.at(-1), text, net: parseCidr(text) });
  const parts = Object.entries(config.regions).map(([region, { cidr: text }]) => part(["regions", region], text));
  if (config.witness !== null) parts.push(part([witnessName], config.witness.cidr));
  const problems: string[] = [];
  for (const [index, part] of parts.entries()) {
    if (whole === undefined || part.net === undefined) continue;
    const key = keyName([...part.where, "cidr"]);
    if (!contains(whole, part.net)) {
      problems.push(
        `${key} is "${part.text}": write a network within ${keyName(["network", "cidr"])}, ${config.network.cidr}.`,
      );
    }
    for (const other of parts.slice(index + 1)) {
      if (other.net !== undefined && overlap(part.net, other.net)) {
        problems.push(`${key} is "${part.text}" and overlaps ${other.name}'s ${other.text}: write disjoint networks.`);
      }
    }
  }
  return problems;
}

/** The watchdog's own rules: with a witness the watchdogs share etcd and failsafe, without one there is neither. */
function timingContradictions({ checks, router, leases, store, failsafe, witness }: StackConfig): string[] {
  const shared =
    witness === null
      ? ({ store: { kind: "file" }, failsafe: null } as const)
      : ({ store: { kind: "etcd", ...store }, failsafe } as const);
  return timingViolations({ checks, router, leases, ...shared }).map(
    (violation) => `${configNamespace}:${sentenceOf(violation)}.`,
  );
}

function licenceContradictions(config: StackConfig): string[] {
  const { licence } = config.elasticsearch;
  if (licence === "file" && config.licenceFile === undefined) {
    return [
      `${keyName(["licenceFile"])} is missing, and elasticsearch.licence is "file": ` +
        `store your licence with \`pulumi config set --secret ${configNamespace}:licenceFile < licence.json\`.`,
    ];
  }
  return [];
}
