import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import { stepOf } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { SimCluster } from "../world/cluster.ts";
import type { Process, World } from "../world/world.ts";

/** What is true of the active region, whatever any watchdog sees. */
export interface Truth {
  readonly active: string;
  leaderWellMs: number | null;
  leaderTroubledMs: number | null;
  inSyncMs: number | null;
}

/** What is judged of a system, whether one watchdog runs in it or several. */
export interface Judged {
  readonly world: World;
  readonly config: WatchdogConfig;
  readonly clusters: Readonly<Record<string, SimCluster>>;
  readonly disk: { readonly stored: { readonly record: StateRecord } | null };
  /** All of them, as one. */
  readonly router: { openRegions(): readonly string[] };
  /** Regions that any endpoint service names to applications. */
  namedRegions(): readonly string[];
  readonly salvage: {
    readonly operations: Pick<ReadonlySet<string>, "has">;
    readonly discarded: Pick<ReadonlySet<string>, "has">;
  };
  readonly truth: Truth;
  /** Writes that a client was told are safe, by whom. */
  readonly ledger: readonly {
    readonly id: string;
    readonly index: string;
    readonly region: string;
    readonly atMs: number;
  }[];
  /** Operations that were destroyed with a cluster: nobody can bring them back. */
  readonly wiped: ReadonlySet<string>;
  readonly closings: number[];
  /** When each look began that a promotion ends with. */
  readonly verifications: number[];
  readonly failovers: number[];
  readonly switchovers: number[];
  readonly highestEpoch: number;
}

/** Between what is true and what a watchdog may have seen of it: a probe or look, its bound, and the replication round. */
const HEALTH_SLACK_MS = 8_000;

/** A decision that was taken while the region was in trouble may lie in a slow store for this long. */
const DECISION_UNDER_WAY_MS = 25_000;

/** The numbers are those of the design's list of invariants. */

/** After every event: invariant 1, as seen from the routers. */
export function checkRouters({ world, disk, router, highestEpoch }: Judged): void {
  const open = router.openRegions();
  if (open.length > 1) world.report("1", `the router is open to ${open.join(" and ")} at once`);
  const record = disk.stored?.record;
  // A store that was set back says nothing of what routers may do: they know better.
  if (record === undefined || record.epoch < highestEpoch) return;
  for (const region of open) {
    if (region !== mayBeOpen(record)) {
      world.report("1", `the router is open to ${region} while the record says ${summary(record)}`);
    }
  }
}

/** After every event: what applications are told is held to the same as routers are. */
export function checkEndpoints(system: Judged): void {
  const { world, disk, highestEpoch } = system;
  const named = system.namedRegions();
  if (named.length > 1) world.report("1", `applications are sent to ${named.join(" and ")} at once`);
  const record = disk.stored?.record;
  if (record === undefined || record.epoch < highestEpoch) return;
  for (const region of named) {
    if (region !== mayBeOpen(record)) {
      world.report("1", `applications are sent to ${region} while the record says ${summary(record)}`);
    }
  }
}

/** The only region that a router may be open to. */
const mayBeOpen = (record: StateRecord) => {
  switch (record.phase) {
    case "serving":
      return record.active;
    case "closing":
      return record.from;
    case "promoting":
      return null;
    default:
      throw new Error(`unknown phase in ${JSON.stringify(record satisfies never)}`);
  }
};

/** Before every write of the record. */
export function checkWrite(system: Judged, before: StateRecord | null, after: StateRecord, process: Process): void {
  const { world } = system;
  if (before === null) {
    if (after.epoch < system.highestEpoch) world.report("4", `epoch ${after.epoch} after ${system.highestEpoch}`);
    return;
  }
  checkOrder(system, before, after);
  if (isVerifying(after) && !isVerifying(before)) system.verifications.push(world.nowMs);
  if (before.epoch === after.epoch && before.phase === after.phase) return;
  checkTransition(system, before, after);
  checkTrust(system, after, process);
  if (after.phase === "closing") checkClosing(system, before, after);
  if (after.phase === "promoting" && system.router.openRegions().length > 0) {
    world.report("2", `promotion begins while the router is open to ${system.router.openRegions().join()}`);
  }
  if (before.phase === "promoting" && after.phase === "serving" && after.active === before.to)
    checkPromoted(system, before, after);
}

const isVerifying = (record: StateRecord) =>
  record.phase === "promoting" && stepOf(record.plan, "verify")?.status === "running";

function checkOrder({ world }: Judged, before: StateRecord, after: StateRecord): void {
  if (after.epoch < before.epoch) world.report("4", `epoch ${after.epoch} written over ${before.epoch}`);
  if (after.sequence <= before.sequence) world.report("4", `sequence ${after.sequence} after ${before.sequence}`);
}

/** closing-first, and the epoch goes up whenever who may accept writes changes. */
function checkTransition({ world }: Judged, before: StateRecord, after: StateRecord): void {
  const way = `${before.phase} → ${after.phase}`;
  const step = after.epoch - before.epoch;
  const allowed: Readonly<Record<string, number>> = {
    "serving → closing": 1,
    "closing → promoting": 0,
    "closing → serving": 1,
    "promoting → serving": 1,
  };
  if (allowed[way] !== step) world.report("closing-first", `${way} with epoch ${before.epoch} → ${after.epoch}`);
}

function checkTrust({ world, config }: Judged, after: StateRecord, process: Process): void {
  const { doubtfulSinceMs } = process;
  if (doubtfulSinceMs === null) return;
  const holdMs = config.checks.failThreshold * config.checks.intervalMs;
  const wellForMs = world.nowMs - doubtfulSinceMs;
  if (wellForMs < holdMs) {
    world.report("11", `${summary(after)} by a watchdog that could not trust itself ${wellForMs} ms ago`);
  }
}

function checkClosing(system: Judged, before: StateRecord, after: Extract<StateRecord, { phase: "closing" }>): void {
  const { world, config, truth } = system;
  system.closings.push(world.nowMs);
  if (!after.automatic && after.change === "failover") return;
  if (before.phase !== "serving" || before.standby !== "in-sync") {
    world.report(
      "12",
      `automatic failover or switchover although the standby was ${before.phase === "serving" ? before.standby : before.phase}`,
    );
  }
  if (after.change === "switchover") return;
  const staleMs = (truth.leaderWellMs ?? 0) - (truth.inSyncMs ?? Number.NEGATIVE_INFINITY);
  const allowedMs = config.replication.maxReadAgeMs + HEALTH_SLACK_MS;
  if (staleMs > allowedMs) {
    world.report(
      "12",
      `automatic failover to a standby that was truly in sync only ${staleMs} ms before the leader was last well`,
    );
  }
  const wellForMs = world.nowMs - (truth.leaderTroubledMs ?? 0);
  if (wellForMs > DECISION_UNDER_WAY_MS) {
    world.report("health", `failover away from ${after.from}, which was well for ${wellForMs} ms`);
  }
}

function checkPromoted(
  system: Judged,
  before: Extract<StateRecord, { phase: "promoting" }>,
  after: Extract<StateRecord, { phase: "serving" }>,
): void {
  const { world, clusters, config } = system;
  if (before.change === "switchover") {
    system.switchovers.push(world.nowMs);
    checkSwitchedOver(system, before);
  } else if (before.automatic) {
    const last = system.failovers.at(-1);
    if (last !== undefined && world.nowMs - last < config.promotion.blockPeriodMs) {
      world.report("8", `a second automatic failover ${world.nowMs - last} ms after the last one`);
    }
    system.failovers.push(world.nowMs);
  }
  const fresh = clusters[after.active];
  const old = clusters[before.from];
  // A follower that auto-follow sets up after the last look refuses writes until it is mended, which invariant 7 demands.
  const lookedAtMs = system.verifications.at(-1) ?? Number.NEGATIVE_INFINITY;
  for (const index of fresh?.indices.values() ?? []) {
    if ((index.following !== null && index.createdMs < lookedAtMs) || !index.open) {
      world.report(
        "6",
        `${after.active} was opened although ${index.name} is ${index.following === null ? "closed" : "a follower"}`,
      );
    }
  }
  const loss = after.lastFailover?.loss;
  if (loss === undefined || after.lastFailover === null || old === undefined) {
    world.report("loss", "a failover without a loss estimate");
    return;
  }
  for (const { index, shard, globalCheckpoint } of after.lastFailover.checkpoints) {
    const held = (old.indices.get(index)?.operations.length ?? 0) - 1;
    const atLeast = loss.shards.find((entry) => entry.index === index && entry.shard === shard)?.atLeast ?? 0;
    if (held - globalCheckpoint < atLeast) {
      world.report(
        "loss",
        `${index}: at least ${atLeast} operations said to be lost, but only ${held - globalCheckpoint} are`,
      );
    }
  }
}

/** A planned change loses no acknowledged write: whatever the old region holds, the new one has. */
function checkSwitchedOver(
  { world, clusters, ledger }: Judged,
  { from, to }: Extract<StateRecord, { phase: "promoting" }>,
): void {
  const [left, taken] = [operationsIn(clusters[from]), operationsIn(clusters[to])];
  const lost = ledger.filter(({ id }) => left.has(id) && !taken.has(id));
  if (lost.length > 0) {
    world.report("9", `${lost.length} acknowledged writes are in ${from} alone after a switchover: ${lost[0]?.id}`);
  }
}

const operationsIn = (cluster: SimCluster | undefined) =>
  new Set([...(cluster?.indices.values() ?? [])].flatMap(({ operations }) => operations));

/** What is deleted must exist elsewhere: in the active region, in safety, or be given up by an operator. */
function checkDeletion(system: Judged, region: string, name: string): void {
  const { world, clusters, salvage } = system;
  const index = clusters[region]?.indices.get(name);
  if (index === undefined || salvage.discarded.has(index.uuid)) return;
  const other = Object.values(clusters).find((cluster) => cluster.region !== region);
  const there = operationsIn(other);
  const lost = index.operations.filter((id) => !there.has(id) && !salvage.operations.has(id));
  if (lost.length > 0) world.report("5", `${name} of ${region} deleted with ${lost.length} operations of its own`);
}

/** Every change that a watchdog makes to a cluster. */
export function checkChange(system: Judged, region: string, what: string, index: string | null): void {
  const { world, disk } = system;
  const record = disk.stored?.record;
  if (what === "delete" && index !== null) checkDeletion(system, region, index);
  if (what === "delete" && record?.phase === "serving" && record.active === region) {
    world.report("5", `${index} of ${region} deleted although ${region} is active`);
  }
  if (what !== "unfollow" || record === undefined) return;
  const begun =
    record.phase === "promoting" &&
    record.plan.steps.some(({ kind, status }) => kind === "unfollow" && status !== "pending");
  const isNew = record.phase === "serving" ? record.active === region : record.to === region;
  if (!begun && !(record.phase === "serving" && isNew))
    world.report("6", `${index} of ${region} unfollowed while ${summary(record)}`);
}

/** Every acknowledged write is in the active region or in safety, or the former primary still holds it, unsalvaged. */
export function checkLedger({ world, disk, clusters, ledger, salvage, wiped }: Judged): void {
  const record = disk.stored?.record;
  if (record?.phase !== "serving") return;
  const active = clusters[record.active];
  const there = new Set([...(active?.indices.values() ?? [])].flatMap(({ operations }) => operations));
  const lost = ledger.filter(({ id }) => !there.has(id) && !salvage.operations.has(id) && !wiped.has(id));
  const failover = record.lastFailover;
  for (const { id, index, region } of lost) {
    const checkpoint = failover?.checkpoints.find((entry) => entry.index === index)?.globalCheckpoint;
    const holder = clusters[region]?.indices.get(index);
    const place = holder?.operations.indexOf(id) ?? -1;
    const isAccountedFor =
      failover?.from === region &&
      failover.rejoinedAtMs === null &&
      holder?.following === null &&
      place >= 0 &&
      (checkpoint === undefined || place > checkpoint);
    if (!isAccountedFor)
      world.report("ledger", `acknowledged write ${id} to ${index} of ${region} is lost without a trace`);
  }
}

export function summary(record: StateRecord): string {
  const where = record.phase === "serving" ? record.active : `${record.from} to ${record.to}`;
  return `${record.phase} ${where} (epoch ${record.epoch})`;
}
