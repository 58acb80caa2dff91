import { describe, expect, test } from "vitest";
import type { WatchdogContext } from "../../watchdog/controller/context.ts";
import { observeStandby } from "../../watchdog/controller/loops/observe-standby.ts";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import { IndicesStuck } from "../../watchdog/controller/steps/indices-stuck.ts";
import { runStep } from "../../watchdog/controller/steps/runner.ts";
import type { StepContext } from "../../watchdog/controller/steps/step.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { type Cluster, ClusterError } from "../../watchdog/core/ports/cluster.ts";
import type { IndexState } from "../../watchdog/core/state/cluster.ts";
import { type StepKind, stepOf } from "../../watchdog/core/state/plan.ts";
import { config, follower, index, NOW_MS, promoting, serving, sight, standbyView } from "./core-fixtures.ts";
import { VirtualTime } from "./support/virtual-time.ts";

/** bhs, whose cluster refuses to close logs-2, and a whole request that names it. */
class Bhs {
  readonly requests: string[] = [];
  indices: IndexState[];
  refusal: ClusterError | null = new ClusterError("bhs", "rejected", "bhs: [logs-2] is being snapshotted", 400);
  refusesWrites: readonly string[] = [];

  constructor(...names: readonly string[]) {
    this.indices = names.map((name) => index(name, { following: true }));
  }

  port(): Partial<Cluster> {
    return {
      region: "bhs",
      indices: async () => this.indices,
      followers: async () => this.indices.filter((one) => one.following).map(({ name }) => follower(name)),
      closeIndices: async (names) => {
        this.requests.push(names.join(","));
        if (this.refusal !== null && names.includes("logs-2")) throw this.refusal;
        this.indices = this.indices.map((one) => (names.includes(one.name) ? { ...one, open: false } : one));
      },
      probeWrite: async (name) => {
        if (this.refusesWrites.includes(name)) throw new ClusterError("bhs", "rejected", "bhs: disk is full", 429);
      },
    };
  }
}

/** Runs one step of a promotion of what bhs holds. */
async function stuckIn(bhs: Bhs, kind: StepKind): Promise<IndicesStuck> {
  const followers = bhs.indices.map(({ name }) => follower(name));
  const indices = bhs.indices.map((one) => ({ ...one, following: true }));
  const plan = planPromotion("gra", standbyView({ indices, followers }), sight, config, NOW_MS);
  const step = stepOf(plan, kind);
  if (step === null) throw new Error(`the promotion has no step ${kind}`);
  const time = new VirtualTime();
  const context: Partial<StepContext> = {
    cluster: bhs.port() as Cluster,
    other: { region: "gra" } as Cluster,
    record: promoting({ plan }),
    config,
    clock: time,
    signal: new AbortController().signal,
    assertStillController: () => undefined,
  };
  const error = await time.settle(runStep(context as StepContext, step)).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof IndicesStuck)) throw new Error(`no index is stuck, but ${error}`);
  return error;
}

describe("a step that fails for one index", () => {
  test("closes the others of its batch one by one, and names it with the cluster's reason", async () => {
    const bhs = new Bhs("logs-1", "logs-2", "logs-3");
    const { stuck, others } = await stuckIn(bhs, "close");
    expect(bhs.requests).toEqual(["logs-1,logs-2,logs-3", "logs-1", "logs-2", "logs-3"]);
    expect(stuck).toEqual([{ index: "logs-2", reason: "it could not be closed: bhs: [logs-2] is being snapshotted" }]);
    expect(others).toBe(2);
  });

  test("does not ask again index by index where the batch had no answer", async () => {
    const bhs = new Bhs("logs-1", "logs-2");
    bhs.refusal = new ClusterError("bhs", "timeout", "bhs: no answer in time");
    const { stuck, others } = await stuckIn(bhs, "close");
    expect(bhs.requests).toEqual(["logs-1,logs-2"]);
    expect([stuck.length, others]).toEqual([2, 0]);
  });

  test("verifies the others, and names the one that accepts no writes", async () => {
    const bhs = new Bhs("logs-1", "logs-2");
    bhs.indices = bhs.indices.map((one) => ({ ...one, following: false }));
    bhs.refusesWrites = ["logs-1"];
    const { stuck, others } = await stuckIn(bhs, "verify");
    expect(stuck).toEqual([{ index: "logs-1", reason: "it accepts no writes: bhs: disk is full" }]);
    expect(others).toBe(1);
  });
});

describe("a snapshot of the standby", () => {
  const setUp = () => {
    const observed = new ObservedState(config);
    const time = new VirtualTime();
    observed.adoptRecord(serving(), 0);
    const view = standbyView();
    const bhs: Partial<Cluster> = {
      region: "bhs",
      readiness: async () => view.readiness,
      indices: async () => view.indices,
      followers: async () => view.followers,
      autoFollowPatterns: async () => view.autoFollow,
      dataStreams: async () => view.dataStreams,
    };
    const context: Partial<WatchdogContext> = { clusters: { bhs: bhs as Cluster }, config, observed, clock: time };
    const observe = () => time.settle(observeStandby(context as WatchdogContext));
    return { observed, time, bhs, observe };
  };

  test("is taken although one of its calls hangs: the last answers count for what changes rarely", async () => {
    const { observed, time, bhs, observe } = setUp();
    await observe();
    bhs.readiness = () => new Promise(() => undefined);
    const beganMs = time.nowMs();
    await observe();
    expect(observed.standbyError).toBeNull();
    expect(observed.standby).toMatchObject({ observedAtMs: beganMs, readiness: standbyView().readiness });
    expect(time.nowMs() - beganMs).toBeLessThan(config.elasticsearch.requestTimeoutMs);
  });

  test("is not taken without its indices, nor where such a call has never been answered, nor for ever", async () => {
    const { observed, time, bhs, observe } = setUp();
    bhs.readiness = () => Promise.reject(new Error("no answer in time"));
    await observe();
    expect([observed.standby, observed.standbyError]).toEqual([null, "no answer in time"]);
    bhs.readiness = async () => standbyView().readiness;
    await observe();
    bhs.readiness = () => Promise.reject(new Error("no answer in time"));
    await time.runUntil(time.monotonicMs() + 601_000);
    await observe();
    expect(observed.standbyError).toBe("no answer in time");
  });
});
