import { describe, expect, test } from "vitest";
import { FollowersChanged } from "../../watchdog/controller/steps/followers-changed.ts";
import { runStep } from "../../watchdog/controller/steps/runner.ts";
import type { StepContext } from "../../watchdog/controller/steps/step.ts";
import { describeStep } from "../../watchdog/core/plans/describe-step.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { IndexState } from "../../watchdog/core/state/cluster.ts";
import { type StepKind, stepOf } from "../../watchdog/core/state/plan.ts";
import type { LeaderSnapshot } from "../../watchdog/core/state/record-fields.ts";
import { config, copying, follower, goodProbe, index, NOW_MS, promoting, sight, standbyView } from "./core-fixtures.ts";
import { VirtualTime } from "./support/virtual-time.ts";

/** bhs, which is promoted, as far as these steps ask and change it. */
class Bhs {
  readonly requests: string[] = [];
  readonly #paused = new Set<string>();
  #indices: Map<string, IndexState>;
  /** Ends a deletion: as it is asked for, never, or with this error. */
  /** UUIDs of leaders other than the usual ones, by follower. */
  readonly leaders = new Map<string, string>();
  deletes: "at once" | "never" | Error = "at once";
  /** How many of its nodes are there; all: one. */
  nodes = 1;

  constructor(...indices: readonly IndexState[]) {
    this.#indices = new Map(indices.map((one) => [one.name, one]));
  }

  hold(...indices: readonly IndexState[]): void {
    this.#indices = new Map(indices.map((one) => [one.name, one]));
  }

  names(): readonly string[] {
    return [...this.#indices.keys()];
  }

  state(name: string): IndexState | undefined {
    return this.#indices.get(name);
  }

  #change(names: readonly string[], change: (one: IndexState) => IndexState): void {
    for (const name of names) {
      const one = this.#indices.get(name);
      if (one !== undefined) this.#indices.set(name, change(one));
    }
  }

  port(): Partial<Cluster> {
    return {
      region: "bhs",
      probe: async () => ({ ...goodProbe, nodes: this.nodes }),
      indices: async () => [...this.#indices.values()],
      followers: async () =>
        [...this.#indices.values()]
          .filter((one) => one.following)
          .map(({ name }) => {
            const leaderUuid = this.leaders.get(name) ?? `uuid-${name}`;
            return follower(name, {}, { leaderUuid, status: this.#paused.has(name) ? "paused" : "active" });
          }),
      checkpoints: async () => [],
      closeIndices: async (names) => this.#change(names, (one) => ({ ...one, open: false })),
      pauseFollow: async (name) => {
        this.requests.push(`pause ${name}`);
        this.#paused.add(name);
      },
      liftFollowerBlocks: async (names) => {
        this.requests.push(`lift ${names.join(",")}`);
        this.#change(names, (one) => ({ ...one, writeBlocked: false }));
      },
      setWriteBlock: async (names, blocked) => this.#change(names, (one) => ({ ...one, writeBlocked: blocked })),
      uuids: async (names) =>
        new Map(
          names.flatMap((name) =>
            [this.#indices.get(name)].flatMap((one) => (one === undefined ? [] : [[name, one.uuid]])),
          ),
        ),
      deleteIndices: async (names) => {
        this.requests.push(`delete ${names.join(",")}`);
        if (this.deletes === "never") await new Promise(() => undefined);
        if (this.deletes instanceof Error) throw this.deletes;
        for (const name of names) this.#indices.delete(name);
      },
      resumeIndexing: async (name) => {
        this.requests.push(`${name} is not complete`);
        this.#change([name], (one) => ({ ...one, indexingComplete: false }));
      },
      setWriteIndex: async (alias, name) => {
        this.requests.push(`${alias} writes to ${name}`);
        this.#change([name], (one) => ({ ...one, aliases: [{ alias, isWriteIndex: true }] }));
      },
      probeWrite: async (name) => void this.requests.push(`probe ${name}`),
    };
  }
}

interface Run {
  readonly leader?: LeaderSnapshot;
  /** What bhs holds when the plan is made; as it is now when left out. */
  readonly planned?: readonly IndexState[];
}

/** Runs one step of a promotion that was planned from what bhs held. */
function run(bhs: Bhs, kind: StepKind, { leader = sight, planned }: Run = {}) {
  const indices = planned ?? bhs.names().flatMap((name) => bhs.state(name) ?? []);
  const followers = indices.filter((one) => one.following).map(({ name }) => follower(name));
  const plan = planPromotion("gra", standbyView({ indices, followers }), leader, config, NOW_MS);
  const step = stepOf(plan, kind);
  if (step === null) throw new Error(`the promotion has no step ${kind}`);
  const time = new VirtualTime();
  const stopped = new AbortController();
  const context: Partial<StepContext> = {
    cluster: bhs.port() as Cluster,
    other: { region: "gra" } as Cluster,
    record: promoting({ plan, leaderSight: leader }),
    config,
    clock: time,
    signal: stopped.signal,
    assertStillController: () => undefined,
    confirmController: async () => void bhs.requests.push("confirm"),
  };
  const started = time.monotonicMs();
  const ended = time.settle(runStep(context as StepContext, step));
  return { ended, tookMs: async () => ended.then(() => time.monotonicMs() - started), stopped };
}

const changeOf = async (ended: Promise<unknown>) => {
  const error = await ended.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FollowersChanged)) throw new Error(`no change of followers, but ${error}`);
  return { late: error.change.late, unfinished: error.change.unfinished.map(({ name }) => name) };
};

const complete = (name: string, changes: Partial<IndexState> = {}) => index(name, { following: true, ...changes });

describe("the deletion of unfinished copies", () => {
  test("takes those that the plan leaves out, and no other follower", async () => {
    const bhs = new Bhs(complete("logs-1"), copying("logs-2"));
    await expect(run(bhs, "discard-copies").ended).resolves.toMatchObject({ failures: [] });
    expect(bhs.names()).toEqual(["logs-1"]);
  });

  test("lifts a block that came along first: an index with read_only is not deleted", async () => {
    const bhs = new Bhs(copying("logs-2", {}, { writeBlocked: true }));
    await run(bhs, "discard-copies").ended;
    expect(bhs.requests).toEqual(["lift logs-2", "confirm", "delete logs-2"]);
  });

  test("spares an index of the same name with another UUID, and one that follows no more", async () => {
    const planned = [copying("logs-2"), copying("logs-3")];
    const bhs = new Bhs(copying("logs-2", {}, { uuid: "created-again" }), index("logs-3"));
    await expect(run(bhs, "discard-copies", { planned }).ended).resolves.toMatchObject({ failures: [] });
    expect(bhs.requests).toEqual([]);
  });

  test("spares a copy with a primary that is complete, and names it", async () => {
    const bhs = new Bhs(copying("logs-2", {}, { primaries: 2, primariesActive: 1 }));
    await expect(run(bhs, "discard-copies").ended).resolves.toMatchObject({
      failures: [{ index: "logs-2", reason: expect.stringContaining("1 of 2 primaries are complete") }],
    });
    expect(bhs.requests).toEqual([]);
  });

  describe("that a restart of the whole cluster has ended", () => {
    const planned = [copying("logs-2")];
    const ended = complete("logs-2", { primariesActive: 0, noCopy: true });

    test("takes them once all configured nodes are there and have no copy", async () => {
      const bhs = new Bhs(ended);
      await expect(run(bhs, "discard-copies", { planned }).ended).resolves.toMatchObject({ failures: [] });
      expect(bhs.names()).toEqual([]);
    });

    test.each([
      ["a node is away", ended, 0],
      ["Elasticsearch has not asked all nodes yet", { ...ended, noCopy: false }, 1],
      ["it is another index by now", { ...ended, uuid: "made-again" }, 1],
    ])("spares them while %s", async (_, now, nodes) => {
      const bhs = new Bhs(now);
      bhs.nodes = nodes;
      await run(bhs, "discard-copies", { planned }).ended;
      expect(bhs.names()).toEqual(["logs-2"]);
    });
  });

  test("promotes a copy that is complete by now instead", async () => {
    const bhs = new Bhs(complete("logs-2"));
    expect(await changeOf(run(bhs, "discard-copies", { planned: [copying("logs-2")] }).ended)).toEqual({
      late: ["logs-2"],
      unfinished: [],
    });
    expect(bhs.requests).toEqual([]);
  });

  test("takes a copy of a deleted leader, and spares it where it follows another one by now", async () => {
    const again = { ...sight, uuids: [{ index: "logs-2", uuid: "made-again" }] };
    const planned = [complete("logs-1"), complete("logs-2"), complete("logs-3")];
    const bhs = new Bhs(...planned);
    await expect(run(bhs, "discard-copies", { leader: again }).ended).resolves.toMatchObject({ failures: [] });
    expect(bhs.names()).toEqual(["logs-1", "logs-3"]);

    const followsAnother = new Bhs(...planned);
    followsAnother.leaders.set("logs-2", "made-again");
    await expect(run(followsAnother, "discard-copies", { leader: again, planned }).ended).resolves.toMatchObject({
      failures: [{ index: "logs-2", reason: expect.stringContaining("follows another index by now") }],
    });
    expect(followsAnother.names()).toEqual(["logs-1", "logs-2", "logs-3"]);
  });

  test("names what it could not delete, and is done", async () => {
    const bhs = new Bhs(copying("logs-2"));
    bhs.deletes = new Error("it is being snapshotted");
    await expect(run(bhs, "discard-copies").ended).resolves.toMatchObject({
      failures: [{ index: "logs-2", reason: expect.stringContaining("it is being snapshotted") }],
    });
  });

  test("takes one request's timeout at most, whatever does not answer", async () => {
    const bhs = new Bhs(copying("logs-2"));
    bhs.deletes = "never";
    const { ended, tookMs } = run(bhs, "discard-copies");
    await expect(ended).resolves.toMatchObject({
      failures: [{ index: "logs-2", reason: expect.stringContaining("no answer within") }],
    });
    expect(await tookMs()).toBeLessThanOrEqual(config.elasticsearch.requestTimeoutMs);
  });

  test("is not done when the watchdog stops in the middle", async () => {
    const bhs = new Bhs(copying("logs-2"));
    bhs.deletes = "never";
    const { ended, stopped } = run(bhs, "discard-copies");
    stopped.abort();
    await expect(ended).rejects.toThrow();
  });
});

describe("the other steps of a promotion", () => {
  test.each(["record-checkpoints", "close"] as const)(
    "%s leaves out an index that was found in its first copy",
    async (kind) => {
      const bhs = new Bhs(copying("logs-1"));
      expect(await changeOf(run(bhs, kind, { planned: [complete("logs-1")] }).ended)).toEqual({
        late: [],
        unfinished: ["logs-1"],
      });
      expect(bhs.state("logs-1")?.open).toBe(true);
    },
  );

  test("verify passes over a copy that could not be deleted, and leaves out one that appeared since", async () => {
    const planned = [complete("logs-1"), copying("logs-2")];
    const bhs = new Bhs(index("logs-1"), copying("logs-2"));
    await run(bhs, "verify", { planned }).ended;
    expect(bhs.requests).toEqual(["probe logs-1"]);
    bhs.hold(index("logs-1"), copying("logs-2"), copying("logs-3"));
    expect(await changeOf(run(bhs, "verify", { planned }).ended)).toEqual({ late: [], unfinished: ["logs-3"] });
  });

  test("verify promotes a copy that could not be deleted and is complete by now", async () => {
    const planned = [complete("logs-1"), copying("logs-2")];
    const bhs = new Bhs(index("logs-1"), complete("logs-2"));
    expect(await changeOf(run(bhs, "verify", { planned }).ended)).toEqual({ late: ["logs-2"], unfinished: [] });
  });

  test("write-aliases sets an alias that the follower does not have yet", async () => {
    const leader = { ...sight, writeAliases: [{ alias: "logs-write", index: "logs-1" }] };
    const bhs = new Bhs(complete("logs-1"));
    await run(bhs, "write-aliases", { leader }).ended;
    expect(bhs.requests).toEqual(["logs-write writes to logs-1"]);
  });

  test("write-aliases removes the mark of an index as complete that is written to again", async () => {
    // The old region had rolled over to an index that is not here.
    const leader = { ...sight, writeAliases: [{ alias: "logs-write", index: "logs-9" }] };
    const marked = index("logs-1", { indexingComplete: true, aliases: [{ alias: "logs-write", isWriteIndex: false }] });
    const bhs = new Bhs(marked);
    const planned = [complete("logs-1", { aliases: marked.aliases })];
    await run(bhs, "write-aliases", { leader, planned }).ended;
    expect(bhs.requests).toEqual(["logs-1 is not complete", "logs-write writes to logs-1"]);
  });

  test("a block that came along is lifted before a follower is paused, and blocked again where the users had it so", async () => {
    const leader = { ...sight, writeBlocked: ["logs-2"] };
    const planned = ["logs-1", "logs-2"].map((name) => complete(name, { writeBlocked: true }));
    const bhs = new Bhs(...planned);
    const pausing = await run(bhs, "pause-follow", { leader, planned }).ended;
    expect(bhs.requests).toEqual(["lift logs-1,logs-2", "pause logs-1", "pause logs-2"]);
    expect(describeStep(pausing)).toBe(
      "pause-follow 2 indices; lifted the write block that had come along with logs-1",
    );
    await run(bhs, "keep-blocks", { leader, planned }).ended;
    expect([bhs.state("logs-1")?.writeBlocked, bhs.state("logs-2")?.writeBlocked]).toEqual([false, true]);
  });
});
