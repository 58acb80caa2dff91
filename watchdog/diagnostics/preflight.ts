import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { isOlder } from "../core/rules/preconditions.ts";
import type { ClusterReadiness } from "../core/state/cluster.ts";
import type { NodeClock, Storage } from "./survey.ts";

/** Checks before an outage or a change: would a failover, a rejoin and a switchover work? Pure: judges what was found. */

export interface Check {
  /** What was checked: "licence of gra". */
  readonly check: string;
  readonly verdict: "ok" | "warn" | "fail";
  /** What was found, in a sentence. */
  readonly found: string;
  /** What to do about it; null when it is well. */
  readonly advice: string | null;
}

/** What was found, or why it could not be found out. */
export type Finding<T> = { readonly value: T } | { readonly error: string };

export interface RegionFindings {
  readonly readiness: Finding<ClusterReadiness>;
  readonly versions: Finding<readonly { readonly node: string; readonly version: string }[]>;
  readonly storage: Finding<Storage>;
  readonly retention: Finding<readonly { readonly index: string; readonly periodMs: number }[]>;
  readonly clocks: Finding<readonly NodeClock[]>;
  readonly roundTripMs: Finding<number>;
}

/** A member of the store as it answered. */
export interface StoreMember {
  readonly endpoint: string;
  /** null when it is well, else what is the matter with it. */
  readonly problem: string | null;
}

export interface PreflightFindings {
  readonly regions: Readonly<Record<RegionName, RegionFindings>>;
  /** null when no record says so. */
  readonly active: RegionName | null;
  /** Members of etcd; null with a file store. */
  readonly storeMembers: readonly StoreMember[] | null;
  /** Sites with a watchdog that was heard from; null when no watchdog runs here to say. */
  readonly sites: readonly string[] | null;
  /** Sentences about settings that break the timing rules. */
  readonly timingViolations: readonly string[];
  /** An outage of this length is to be survived without copying all over again. */
  readonly outageMs: number;
}

/** A tenth of a lease: what two hosts' clocks may differ by before tickets and leases lose their margin. */
const clockToleranceMs = ({ leases }: WatchdogConfig): number => leases.marginMs / 2;

/** A probe takes two or three round trips once connected, five with a new TLS connection. */
const ROUND_TRIPS_OF_A_PROBE = 5;

/** All checks, in the order in which a person would make them. */
export function judgePreflight(findings: PreflightFindings, config: WatchdogConfig): readonly Check[] {
  const names = Object.keys(findings.regions);
  const each = (judge: (name: RegionName, region: RegionFindings) => Check): Check[] =>
    Object.entries(findings.regions).map(([name, region]) => judge(name, region));
  return [
    ...each(licence),
    versions(findings),
    ...each((name, region) => remote(name, otherOf(names, name), region)),
    ...each((name, region) => roundTrip(name, region, config)),
    ...each((name) => diskForCopy(name, otherOf(names, name), findings)),
    ...each((name, region) => retention(name, region, findings.outageMs)),
    ...each((name, region) => clocks(name, region, config)),
    quorum(findings),
    witness(findings, config),
    timing(findings),
  ];
}

const otherOf = (names: readonly RegionName[], name: RegionName): RegionName =>
  names.find((other) => other !== name) ?? name;

const ok = (check: string, found: string): Check => ({ check, verdict: "ok", found, advice: null });
const warn = (check: string, found: string, advice: string): Check => ({ check, verdict: "warn", found, advice });
const fail = (check: string, found: string, advice: string): Check => ({ check, verdict: "fail", found, advice });
const unknown = (check: string, error: string): Check =>
  fail(check, `could not be found out: ${error}`, "make the region answer, then check again");

function licence(name: RegionName, { readiness }: RegionFindings): Check {
  const check = `licence of ${name}`;
  if ("error" in readiness) return unknown(check, readiness.error);
  const { type, active, allowsCcr } = readiness.value.licence;
  if (!active) return fail(check, `the ${type} licence is not active`, "renew it: without it no follower can be made");
  if (!allowsCcr) {
    return fail(
      check,
      `a ${type} licence does not include cross-cluster replication`,
      "install a Platinum or Enterprise licence, or start the trial for a test",
    );
  }
  const advice = "it ends after 30 days, and replication with it: install a Platinum or Enterprise licence";
  return type === "trial" ? warn(check, "a trial licence", advice) : ok(check, `${type}, active`);
}

/** A follower's cluster may not be older than its leader's; as roles change, each has to be able to follow the other. */
function versions({ regions, active }: PreflightFindings): Check {
  const check = "versions";
  const found: { region: RegionName; lowest: string; highest: string }[] = [];
  for (const [region, { versions: nodes }] of Object.entries(regions)) {
    if ("error" in nodes) return unknown(check, nodes.error);
    const sorted = nodes.value
      .map(({ version }) => version)
      .toSorted((a, b) => (isOlder(a, b) ? -1 : isOlder(b, a) ? 1 : 0));
    const [lowest, highest] = [sorted[0], sorted.at(-1)];
    if (lowest === undefined || highest === undefined) return unknown(check, `${region} names no node`);
    found.push({ region, lowest, highest });
  }
  const said = found
    .map(({ region, lowest, highest }) => `${region} ${lowest === highest ? lowest : `${lowest} to ${highest}`}`)
    .join(", ");
  const mayNotFollow = found.flatMap((follower) =>
    found
      .filter((leader) => leader !== follower && isOlder(follower.lowest, leader.highest))
      .map((leader) => ({ follower: follower.region, leader: leader.region })),
  );
  const [first, second] = mayNotFollow;
  if (first === undefined) return ok(check, `${said}: either can follow the other`);
  const older = `${said}: ${first.follower} is older than ${first.leader} and cannot follow it`;
  const upgrade = `upgrade ${first.follower} to the version of ${first.leader}, to the patch`;
  if (second !== undefined || first.leader === active) return fail(check, older, upgrade);
  return warn(check, `${older} after a failover`, `${upgrade}: until then a failover has no way back`);
}

function remote(name: RegionName, other: RegionName, { readiness }: RegionFindings): Check {
  const check = `remote connection ${name} to ${other}`;
  if ("error" in readiness) return unknown(check, readiness.error);
  const { configured, connected } = readiness.value.remote;
  if (!configured) {
    return fail(check, `${name} knows no remote cluster named ${other}`, `run \`pulumi up\` for ${name}`);
  }
  if (!connected) {
    const advice = `see that ${other} lets ${name} reach port 9300 and that both trust the same CA`;
    return fail(check, `${name} has no connection to ${other}`, advice);
  }
  return ok(check, "connected");
}

function roundTrip(name: RegionName, { roundTripMs }: RegionFindings, { checks }: WatchdogConfig): Check {
  const check = `round trip from here to ${name}`;
  if ("error" in roundTripMs) return unknown(check, roundTripMs.error);
  const measured = roundTripMs.value;
  const found = `${measured.toFixed(1)} ms`;
  const needed = measured * ROUND_TRIPS_OF_A_PROBE;
  if (needed >= checks.timeoutMs) {
    const sentence = `${found}: a probe takes up to ${Math.ceil(needed)} ms, and fails after ${checks.timeoutMs} ms`;
    return fail(check, sentence, "raise checks.timeoutMs and checks.intervalMs, or find out what slows the way");
  }
  if (2 * needed >= checks.timeoutMs) {
    const sentence = `${found}: a probe takes up to ${Math.ceil(needed)} of the ${checks.timeoutMs} ms it has`;
    return warn(check, sentence, "raise checks.timeoutMs, else a little jitter looks like an outage");
  }
  return ok(check, found);
}

/** Whether `name` could take a full copy of the other region's managed indices, as after a failover away from it. */
function diskForCopy(name: RegionName, other: RegionName, { regions }: PreflightFindings): Check {
  const check = `disk of ${name} for a copy of ${other}`;
  const [own, theirs] = [regions[name]?.storage, regions[other]?.storage];
  if (own === undefined || theirs === undefined) return unknown(check, "the region is not known");
  if ("error" in own) return unknown(check, own.error);
  if ("error" in theirs) return unknown(check, theirs.error);
  const readiness = regions[name]?.readiness;
  const full = readiness !== undefined && "value" in readiness ? readiness.value.nodesLowOnDisk : [];
  if (full.length > 0) {
    return fail(check, `${full.join(", ")} is above a disk watermark and takes no shard`, "free disk or add nodes");
  }
  const copyBytes = theirs.value.managedBytes;
  const freeBytes = own.value.nodes.reduce((sum, { availableBytes }) => sum + availableBytes, 0);
  const numbers = `a copy takes ${gib(copyBytes)}, ${gib(freeBytes)} are free`;
  if (copyBytes <= freeBytes) return ok(check, numbers);
  if (copyBytes <= freeBytes + own.value.managedBytes) {
    const sentence = `${numbers}, ${gib(own.value.managedBytes)} are taken by its own indices, which a copy replaces`;
    return warn(check, sentence, "add disk, if its own indices are to be kept while it copies");
  }
  return fail(check, numbers, `add disk to ${name}: it cannot become a standby of ${other} as it is`);
}

function retention(name: RegionName, { retention: found }: RegionFindings, outageMs: number): Check {
  const check = `retention leases on ${name}`;
  if ("error" in found) return unknown(check, found.error);
  const periods = found.value.toSorted((a, b) => a.periodMs - b.periodMs);
  const [shortest] = periods;
  if (shortest === undefined) return ok(check, "no managed index yet");
  const tooShort = periods.filter(({ periodMs }) => periodMs < outageMs);
  if (tooShort.length === 0) {
    return ok(check, `history is kept for ${hours(shortest.periodMs)} and more; a follower may be away for so long`);
  }
  return warn(
    check,
    `${tooShort.length} of ${periods.length} indices (${shortest.index}) keep history for ${hours(shortest.periodMs)} only, less than an outage of ${hours(outageMs)}`,
    "raise index.soft_deletes.retention_lease.period in their template, or reckon with a full copy after an outage",
  );
}

function clocks(name: RegionName, { clocks: found }: RegionFindings, config: WatchdogConfig): Check {
  const check = `clocks of ${name}`;
  if ("error" in found) return unknown(check, found.error);
  const furthest = found.value.toSorted((a, b) => Math.abs(b.aheadMs) - Math.abs(a.aheadMs))[0];
  if (furthest === undefined) return unknown(check, "no node tells its time");
  const { node, aheadMs, uncertaintyMs } = furthest;
  const differs = `${Math.abs(aheadMs).toFixed(0)} ms ${aheadMs < 0 ? "behind" : "ahead of"} this host (give or take ${uncertaintyMs.toFixed(0)})`;
  const certainlyMs = Math.abs(aheadMs) - uncertaintyMs;
  if (certainlyMs <= clockToleranceMs(config)) return ok(check, `at most ${differs}: ${node}`);
  const advice =
    "see that chrony or systemd-timesyncd runs on both hosts: tickets and leases are reckoned by the clock";
  const sentence = `${node} is ${differs}; ${clockToleranceMs(config)} ms are tolerable`;
  return certainlyMs <= 2 * clockToleranceMs(config) ? warn(check, sentence, advice) : fail(check, sentence, advice);
}

function quorum({ storeMembers }: PreflightFindings): Check {
  const check = "store";
  if (storeMembers === null) {
    return warn(
      check,
      "a file on this host: one watchdog decides alone, and is lost with its region",
      "for a system without a single point of failure use etcd in both regions and on a witness",
    );
  }
  const well = storeMembers.filter(({ problem }) => problem === null);
  const needed = Math.floor(storeMembers.length / 2) + 1;
  const troubles = storeMembers.flatMap(({ endpoint, problem }) =>
    problem === null ? [] : [`${endpoint}: ${problem}`],
  );
  const found = `${well.length} of ${storeMembers.length} members of etcd are well${troubles.map((t) => `; ${t}`).join("")}`;
  if (well.length < needed) {
    return fail(check, found, `bring members back: ${needed} are needed, and nobody decides anything until then`);
  }
  if (storeMembers.length < 3)
    return warn(check, found, "with fewer than three members the loss of one stops decisions");
  return troubles.length === 0
    ? ok(check, found)
    : warn(check, found, "bring them back: until then the loss of another may stop decisions");
}

function witness({ sites, storeMembers }: PreflightFindings, { regions, site }: WatchdogConfig): Check {
  const check = "watchdogs";
  if (storeMembers === null) return ok(check, `one, in ${site}: it decides alone`);
  if (sites === null) {
    return warn(check, "no watchdog runs on this host, so that the others are not known", "start es-failover.service");
  }
  const expected = [...Object.keys(regions), "witness"];
  const silent = expected.filter((name) => !sites.includes(name));
  if (silent.length === 0) return ok(check, `heard from ${expected.join(", ")}`);
  const found = `nothing is heard from ${silent.join(" and ")}`;
  const advice = `start es-failover.service there: a majority of ${expected.join(", ")} has to agree on a failover`;
  return silent.length > 1 ? fail(check, found, advice) : warn(check, found, advice);
}

function timing({ timingViolations }: PreflightFindings): Check {
  const check = "timing rules";
  if (timingViolations.length === 0) return ok(check, "kept");
  return fail(check, timingViolations.join("; "), "correct the configuration: the safety argument rests on them");
}

const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(bytes < 10 * 1024 ** 3 ? 2 : 0)} GiB`;
const hours = (ms: number): string => `${Number((ms / 3_600_000).toFixed(1))} h`;
