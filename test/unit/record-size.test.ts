import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { planRejoin } from "../../watchdog/core/plans/rejoin.ts";
import { planSwitchover, planUndo } from "../../watchdog/core/plans/switchover.ts";
import type { StandbySnapshot } from "../../watchdog/core/state/observations.ts";
import type { Plan, PlanStep } from "../../watchdog/core/state/plan.ts";
import type { PromotingRecord, ServingRecord, StateRecord } from "../../watchdog/core/state/record.ts";
import { decodeRecord, encodeRecord } from "../../watchdog/core/state/record-codec.ts";
import type { LeaderSnapshot, LossEstimate } from "../../watchdog/core/state/record-fields.ts";
import {
  closing as begun,
  promoting as detaching,
  promoted,
  rejoined,
  turnedBack,
} from "../../watchdog/core/state/transitions.ts";
import {
  activeView,
  closing,
  config,
  follower,
  index,
  NOW_MS,
  observations,
  promoting,
  serving,
  standbyView,
} from "./core-fixtures.ts";

/** Numbers that look random and are the same in every run. */
function randomFrom(seed: string): (most: number) => number {
  let n = 0;
  return (most) => {
    n += 1;
    return createHash("sha256").update(`${seed}/${n}`).digest().readUInt32BE(0) % most;
  };
}

/** As Elasticsearch makes them: 16 random bytes in base64. */
const uuidOf = (region: string, name: string) =>
  createHash("sha256").update(`${region}/${name}`).digest().subarray(0, 16).toString("base64url");

/** A region with many indices of three shards under load: sequence numbers of seven digits, followers some operations behind. */
class Load {
  readonly names: readonly string[];
  readonly #shards: readonly { readonly index: string; readonly shard: number; readonly maxSeqNo: number }[];

  constructor(indices: number, names = (n: number) => `logs-${String(n).padStart(6, "0")}`) {
    this.names = Array.from({ length: indices }, (_, n) => names(n));
    const random = randomFrom("operations");
    this.#shards = this.names.flatMap((name) =>
      [0, 1, 2].map((shard) => ({ index: name, shard, maxSeqNo: 1_000_000 + random(9_000_000) })),
    );
  }

  indices(region: string) {
    return this.names.map((name) => index(name, { uuid: uuidOf(region, name), primaries: 3, primariesActive: 3 }));
  }

  /** `grown`: the most operations that a shard has taken since. */
  leader(region: string, grown = 1): LeaderSnapshot {
    const random = randomFrom(`leader of ${region}`);
    return {
      atMs: NOW_MS - 1_000,
      indices: this.names,
      uuids: this.names.map((name) => ({ index: name, uuid: uuidOf(region, name) })),
      shards: this.#shards.map((shard) => ({ ...shard, maxSeqNo: shard.maxSeqNo + random(grown) })),
      writeAliases: this.#aliases().map(({ alias, members }) => ({ alias, index: this.names[members[0] ?? 0] ?? "" })),
      aliases: this.#aliases(),
      // All but those that aliases write to.
      indexingComplete: this.names.flatMap((_, n) =>
        n % 50 === 0 ? [] : [{ index: n, createdAtMs: NOW_MS - 86_400_000 - random(1_000_000) }],
      ),
      unfollowable: [],
      unmatched: [],
      deleted: [],
      writeBlocked: this.names.slice(0, 100),
      peakOperationsPerSecond: 12_345.678,
    };
  }

  /** An alias for every fifty indices. */
  #aliases() {
    const firsts = this.names.flatMap((_, n) => (n % 50 === 0 ? [n] : []));
    return firsts.map((first) => {
      const members = this.names.map((_, n) => n).slice(first, first + 50);
      return { alias: `alias-${first}`, members };
    });
  }

  standby(from: string): StandbySnapshot {
    const followers = this.names.map((name) => follower(name, {}, { remoteCluster: from }));
    const region = from === "gra" ? "bhs" : "gra";
    return standbyView({ region, indices: this.indices(region), followers });
  }

  /** The plan with all steps before the n-th done, and everything recorded that they record. */
  carriedOut(plan: Plan, leader: LeaderSnapshot, steps: number): Plan {
    const random = randomFrom("lag");
    const leaderCheckpoints = leader.shards.map(({ index: of, shard, maxSeqNo }) => {
      return { index: of, shard, checkpoint: maxSeqNo - random(3) };
    });
    const checkpoints = leader.shards.map(({ index: of, shard, maxSeqNo }) => {
      const globalCheckpoint = maxSeqNo - random(300);
      return { index: of, shard, globalCheckpoint, maxSeqNo: globalCheckpoint + random(2) };
    });
    const shards = checkpoints.map(({ index: of, shard, globalCheckpoint }, n) => {
      const atLeast = Math.max(0, (leader.shards[n]?.maxSeqNo ?? 0) - globalCheckpoint);
      return { index: of, shard, atLeast, atMost: atLeast + 123_456 };
    });
    const loss: LossEstimate = { atLeast: 1, atMost: 2, shards, unseenMs: 10_000, explanation: "between 1 and 2" };
    return {
      ...plan,
      steps: plan.steps.map((step, n): PlanStep => {
        if (n >= steps) return step;
        const done = { ...step, status: "done", attempts: 1, startedAtMs: NOW_MS, finishedAtMs: NOW_MS + n } as const;
        if (done.kind === "record-checkpoints") return { ...done, checkpoints, loss };
        if (done.kind === "drain" || done.kind === "catch-up") return { ...done, leaderCheckpoints };
        if (done.kind === "clear") return { ...done, deleted: this.names.slice(0, 20), setAside: this.names };
        return done;
      }),
    };
  }
}

interface Sized {
  readonly phase: string;
  readonly record: StateRecord;
}

/** The record in every phase of a failover to bhs and the way back, each step of every plan recorded. */
function records(load: Load): readonly Sized[] {
  const leader = load.leader("gra");
  const marks = (region: string) => load.names.map((name) => ({ region, index: name, uuid: uuidOf(region, name) }));
  const plan = planPromotion("gra", load.standby("gra"), leader, config, NOW_MS);
  const steps = plan.steps.map((_, n) => n);
  const failover = [...steps, plan.steps.length].map((n) =>
    promoting({ leaderSight: leader, plan: load.carriedOut(plan, leader, n) }),
  );
  const last = failover.at(-1) as PromotingRecord;
  const open = promoted(last, NOW_MS);
  const salvaging = planRejoin(open, load.standby("gra"), "keep", NOW_MS);
  const rejoining: ServingRecord = {
    ...open,
    standby: "salvaging",
    writeBlocks: marks("gra"),
    plan: load.carriedOut({ ...salvaging, steps: fenced(salvaging, load) }, leader, salvaging.steps.length),
  };
  const back = rejoined(rejoining, "gra", NOW_MS);
  const grown = load.leader("bhs", 50_000);
  const active = activeView({ region: "bhs", indices: load.indices("bhs") });
  const switchover = planSwitchover(active, load.standby("bhs"), grown, config, NOW_MS);
  const handedOver = (before: ServingRecord) => {
    const seen = observations({ leaderSight: grown });
    const wanted = { change: "switchover", automatic: false, cause: "asked for" } as const;
    const closed = begun({ record: before, seen, nowMs: NOW_MS, config }, wanted);
    const carriedOut = load.carriedOut(switchover, grown, switchover.steps.length);
    return { closed, detached: detaching(closed, carriedOut, load.indices("bhs"), NOW_MS) };
  };
  const { closed, detached } = handedOver(back);
  const early = handedOver(open);
  return [
    { phase: "serving", record: serving() },
    { phase: "closing", record: closing({ leaderSight: leader }) },
    ...failover.map((record, n) => ({ phase: `promoting, ${n} steps done`, record })),
    { phase: "serving after a failover", record: open },
    { phase: "rejoin", record: rejoining },
    { phase: "serving after the rejoin", record: back },
    { phase: "closing of a switchover", record: closed },
    { phase: "switchover", record: detached },
    { phase: "undo", record: turnedBack(detached, planUndo(detached, NOW_MS)) },
    { phase: "closing before the rejoin", record: early.closed },
    { phase: "forced change before the rejoin", record: early.detached },
  ];
}

const fenced = (plan: Plan, { names }: Load) =>
  plan.steps.map((step) => (step.kind === "fence" ? { ...step, indices: names } : step));

/** A sixth of etcd's default bound on a request. */
const BOUND_BYTES = 256 * 1024;
/** A failover that an operator forces before the first region has rejoined: the record has what salvage needs of both. */
const BOUND_OF_BOTH_BYTES = 288 * 1024;

/** Phases between which the record hardly grows: they cost time, and show nothing. */
const alike = /^promoting, (1|3|[5-9]) steps/;

test("a record of 5,000 indices of three shards stays below 256 KiB in every phase of one change", () => {
  for (const { phase, record } of records(new Load(5_000))) {
    if (alike.test(phase)) continue;
    const text = encodeRecord(record);
    expect(text.length, phase).toBeLessThan(phase.endsWith("before the rejoin") ? BOUND_OF_BOTH_BYTES : BOUND_BYTES);
  }
}, 120_000);

test("every phase is read back as it was written", () => {
  for (const { phase, record } of records(new Load(300))) {
    expect(isDeepStrictEqual(decodeRecord(encodeRecord(record)), record), phase).toBe(true);
  }
});

test("a promotion of 2,500 indices writes less than 1.2 MiB: at its start, for each step and at its end", () => {
  const written = records(new Load(2_500)).filter(({ phase }) =>
    /^closing$|^promoting|^serving after a failover/.test(phase),
  );
  // One write begins the first step, and each other one ends a step and begins the next.
  const bytes = written.reduce((sum, { record }) => sum + encodeRecord(record).length, 0);
  expect(written.length).toBeGreaterThan(12);
  expect(bytes).toBeLessThan(1.2 * 1024 * 1024);
}, 120_000);

test("what a rejoined region needed of each shard is kept no longer", () => {
  const after = records(new Load(300)).find(({ phase }) => phase === "serving after the rejoin");
  if (after === undefined) throw new Error("no such phase");
  expect(encodeRecord(after.record).length).toBeLessThan(4 * 1024);
});
