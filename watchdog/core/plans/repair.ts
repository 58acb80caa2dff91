import type { IndexState } from "../state/cluster.ts";
import { isUnfinished } from "../state/first-copy.ts";
import type { ActiveSnapshot } from "../state/observations.ts";
import { isManaged, type ManagedPatterns } from "../state/patterns.ts";
import { notStarted, type Plan, type PlanStep } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";
import { indicesToJoin } from "../state/to-join.ts";
import { isMarked } from "../state/write-blocks.ts";
import { type Copy, discardCopies, leftOutOf } from "./left-out.ts";
import { liftBlocks } from "./write-blocks.ts";

/** Why indices of the active region refuse writes, as far as the watchdog caused it. */
export interface RepairNeed {
  /** Followers that auto-follow had begun before it was paused, and created after the promotion was verified. */
  readonly strays: readonly string[];
  /** Followers that hold nothing to be served: without a complete first copy, or of a leader that was deleted before. */
  readonly copies: readonly Copy[];
  /** Marked write blocks that are in force: of a request that took effect after the region had opened. */
  readonly blocked: readonly string[];
  /** Complete copies that the last change left out, and that have not joined yet: each repair tries them again. */
  readonly joining: readonly string[];
}

export function repairNeedOf(record: ServingRecord, active: ActiveSnapshot): RepairNeed {
  const joining = indicesToJoin(record);
  const inForce = active.indices.filter(({ open, writeBlocked }) => open && writeBlocked);
  const blocked = inForce.filter((index) => isMarked(record, active.region, index)).map(({ name }) => name);
  const known = new Set(record.unfinishedCopies.map(({ uuid }) => uuid));
  // Detached from its leader, one whose first copy a restart has ended would be an index like any other that lost its primary.
  const hasEnded = ({ following, uuid, primaries, primariesActive }: IndexState) =>
    following && known.has(uuid) && primariesActive < primaries;
  const unfinished = active.indices.filter(
    (index) => (isUnfinished(index) || hasEnded(index)) && active.strays.includes(index.name),
  );
  const isComplete = (stray: string) => !unfinished.some(({ name }) => name === stray);
  const deleted = ofDeletedLeaders(record, active);
  // An unfinished one with a primary that is complete is kept: it may be the only copy.
  const copies = [...leftOutOf(unfinished.filter(({ primariesActive }) => primariesActive === 0)), ...deleted];
  const isNew = (stray: string) =>
    isComplete(stray) && !joining.includes(stray) && !deleted.some(({ index }) => index === stray);
  return { strays: active.strays.filter(isNew), copies, blocked, joining };
}

/** Those that the last promotion left out, and could not delete. */
function ofDeletedLeaders(record: ServingRecord, active: ActiveSnapshot): readonly Copy[] {
  if (record.lastFailover?.to !== active.region) return [];
  const uuids = new Map(active.indices.map(({ name, uuid }) => [name, uuid]));
  return record.lastFailover.leftOut.flatMap((leftOut): readonly Copy[] => {
    const uuid = uuids.get(leftOut.index);
    const isThere = leftOut.deletedLeader !== undefined && active.strays.includes(leftOut.index);
    return isThere && uuid !== undefined ? [{ ...leftOut, uuid }] : [];
  });
}

/** The active region's indices, and which of their aliases the watchdog may change. */
export interface RepairSituation {
  readonly indices: readonly IndexState[];
  readonly managed: ManagedPatterns;
}

const nothingKnown: RepairSituation = { indices: [], managed: { patterns: [], exclusions: [] } };

/** Repairs the active region while it serves: the steps of a promotion, for the few indices that need them. */
export function planRepair(need: RepairNeed, nowMs: number, situation = nothingKnown): Plan {
  const { strays, copies, blocked, joining } = need;
  const indices = [...strays, ...joining].toSorted();
  const promotion: readonly PlanStep[] = [
    { kind: "pause-auto-follow", ...notStarted, patterns: [] },
    { kind: "pause-follow", ...notStarted, indices, lifted: [] },
    { kind: "close", ...notStarted, indices },
    { kind: "unfollow", ...notStarted, indices },
    { kind: "open", ...notStarted, indices },
    ...streamsOf(indices, situation),
    ...discardCopies(copies),
    ...aliasesOf(joining, situation),
    { kind: "verify", ...notStarted, indices },
  ];
  return {
    kind: "repair",
    createdAtMs: nowMs,
    steps: [...liftBlocks(blocked), ...(indices.length + copies.length === 0 ? [] : promotion)],
  };
}

/** The step that gives aliases their only index; no step where none lacks it. What writes elsewhere by now stays so. */
function aliasesOf(joining: readonly string[], { indices, managed }: RepairSituation): readonly PlanStep[] {
  const members = Map.groupBy(
    indices.flatMap(({ name, aliases }) => aliases.map(({ alias, isWriteIndex }) => ({ alias, name, isWriteIndex }))),
    ({ alias }) => alias,
  );
  const aliases = [...members.values()].flatMap(([first, ...others]) => {
    if (first === undefined || others.length > 0 || first.isWriteIndex) return [];
    const isTheirs = joining.includes(first.name) && isManaged(managed, first.alias);
    return isTheirs ? [{ alias: first.alias, index: first.name, insteadOf: null }] : [];
  });
  return aliases.length === 0 ? [] : [{ kind: "write-aliases", ...notStarted, aliases, unset: [] }];
}

/** The step that promotes the data streams of these indices; no step where they back none. */
function streamsOf(names: readonly string[], { indices }: RepairSituation): readonly PlanStep[] {
  const streams = indices.flatMap(({ name, dataStream }) => (names.includes(name) ? (dataStream ?? []) : []));
  const dataStreams = [...new Set(streams)].toSorted();
  return dataStreams.length === 0 ? [] : [{ kind: "data-streams", ...notStarted, dataStreams }];
}
