import { describe, expect, test } from "vitest";
import { dataStreamReport } from "../../watchdog/controller/data-stream-report.ts";
import { deleteConfirmed } from "../../watchdog/controller/delete-indices.ts";
import { followersInStreamsOf } from "../../watchdog/controller/steps/data-streams.ts";
import { runStep } from "../../watchdog/controller/steps/runner.ts";
import type { StepContext } from "../../watchdog/controller/steps/step.ts";
import { exceptionsOf } from "../../watchdog/core/plans/describe-step.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { DataStreamState, IndexState } from "../../watchdog/core/state/cluster.ts";
import { type PlanStep, type StepKind, stepOf, withStep } from "../../watchdog/core/state/plan.ts";
import {
  activeView,
  config,
  copying,
  dataStream,
  follower,
  index,
  NOW_MS,
  promoting,
  sight,
  standbyView,
} from "./core-fixtures.ts";

const [first, second, third] = ["000001", "000002", "000003"].map((n) => `.ds-logs-app-2026.01.01-${n}`) as [
  string,
  string,
  string,
];
const backing = (name: string, changes: Partial<IndexState> = {}) =>
  index(name, { dataStream: "logs-app", ...changes });
const followed = (name: string) => backing(name, { following: true });

/** A cluster with data streams, as far as these steps ask and change it. */
class Streams {
  readonly requests: string[] = [];
  indices: readonly IndexState[];
  streams: readonly DataStreamState[];

  constructor(indices: readonly IndexState[], streams: readonly DataStreamState[]) {
    this.indices = indices;
    this.streams = streams;
  }

  #change(name: string, change: (stream: DataStreamState) => DataStreamState): void {
    this.streams = this.streams.map((stream) => (stream.name === name ? change(stream) : stream));
  }

  port(): Cluster {
    const answers: Partial<Cluster> = {
      region: "bhs",
      indices: async () => this.indices,
      followers: async () => [],
      dataStreams: async () => this.streams,
      promoteDataStream: async (name) => {
        this.requests.push(`promote ${name}`);
        this.#change(name, (stream) => ({ ...stream, replicated: false }));
      },
      rolloverDataStream: async (name) => {
        this.requests.push(`roll over ${name}`);
        this.#change(name, (stream) => dataStream(name, [...stream.indices.map((each) => each.name), third]));
      },
      probeWrite: async (name) => void this.requests.push(`probe ${name}`),
      uuids: async (names) => new Map(names.map((name) => [name, `uuid-${name}`])),
      deleteIndices: async (names) => void this.requests.push(`delete ${names.join()}`),
      deleteDataStream: async (name) => void this.requests.push(`delete stream ${name}`),
    };
    return answers as Cluster;
  }
}

/** What bhs holds when the plan is made; as it is now when left out. */
interface Run {
  readonly planned?: readonly IndexState[];
  readonly streams?: readonly DataStreamState[];
  readonly done?: (step: PlanStep) => PlanStep;
}

function run(
  bhs: Streams,
  kind: StepKind,
  { planned = bhs.indices, streams = bhs.streams, done = (step) => step }: Run = {},
) {
  const followers = planned.filter(({ following }) => following).map(({ name }) => follower(name));
  const standby = standbyView({ indices: planned, followers, dataStreams: streams });
  const made = planPromotion("gra", standby, sight, config, NOW_MS);
  const plan = made.steps.map(done).reduce(withStep, made);
  const step = stepOf(plan, kind);
  if (step === null) throw new Error(`the promotion has no step ${kind}`);
  const context: Partial<StepContext> = {
    cluster: bhs.port(),
    other: { region: "gra" } as Cluster,
    record: promoting({ plan }),
    config,
    assertStillController: () => undefined,
  };
  return runStep(context as StepContext, step);
}

describe("the promotion of data streams", () => {
  const replicated = dataStream("logs-app", [first, second], { replicated: true });

  test("promotes a replicated one, and leaves it its newest followed index to write to", async () => {
    const bhs = new Streams([followed(first), followed(second)], [replicated]);
    expect(await run(bhs, "data-streams")).toEqual(expect.not.objectContaining({ failures: expect.anything() }));
    expect(bhs.requests).toEqual(["promote logs-app"]);
  });

  test("takes one that auto-follow created after the plan was made, and none that nothing of the plan backs", async () => {
    const streams = [
      dataStream("logs-app", [first], { replicated: true }),
      dataStream("elsewhere", [".ds-elsewhere-1"], { replicated: true }),
    ];
    const bhs = new Streams([followed(first)], streams);
    expect(await run(bhs, "data-streams", { streams: [] })).toMatchObject({ dataStreams: ["logs-app"] });
    expect(bhs.requests).toEqual(["promote logs-app"]);
  });

  test("rolls one over whose newest index is left out", async () => {
    const bhs = new Streams([followed(first), copying(second, {}, { dataStream: "logs-app" })], [replicated]);
    expect(await run(bhs, "data-streams")).not.toHaveProperty("failures");
    expect(bhs.requests).toEqual(["promote logs-app", "roll over logs-app"]);
  });

  test("names one that could only be rolled over with an index template, and holds nothing up", async () => {
    const bhs = new Streams(
      [followed(first), copying(second, {}, { dataStream: "logs-app" })],
      [{ ...replicated, hasTemplate: false }],
    );
    const step = await run(bhs, "data-streams");
    expect(bhs.requests).toEqual(["promote logs-app"]);
    const plan = planPromotion("gra", standbyView(), sight, config, NOW_MS);
    expect(exceptionsOf(withStep(plan, step))).toEqual([
      `given up: logs-app (it takes no writes: ${second} is left out, and no index template matches the stream: put one, and roll it over)`,
    ]);
    // Its write index is not probed.
    const planned = bhs.indices;
    bhs.indices = [backing(first), copying(second, {}, { dataStream: "logs-app" })];
    await run(bhs, "verify", { done: (each) => (each.kind === "data-streams" ? step : each), planned });
    expect(bhs.requests).toEqual(["promote logs-app"]);
  });

  test("fails, to run again, while a stream is still replicated", async () => {
    const bhs = new Streams([followed(first)], [dataStream("logs-app", [first], { replicated: true })]);
    const port = { ...bhs.port(), promoteDataStream: async () => Promise.reject(new Error("no answer")) };
    bhs.port = () => port;
    await expect(run(bhs, "data-streams")).rejects.toThrow(
      "data streams not promoted, or not rolled over: logs-app (logs-app: no answer)",
    );
  });
});

describe("the verification of a data stream", () => {
  const planned = [followed(first), followed(second)];
  const promoted = [backing(first), backing(second)];

  test("writes to its write index alone, by the name of that", async () => {
    const bhs = new Streams(promoted, [dataStream("logs-app", [first, second])]);
    await run(bhs, "verify", { planned });
    expect(bhs.requests).toEqual([`probe ${second}`]);
  });

  test("takes in the index to which it was rolled over", async () => {
    const bhs = new Streams([...promoted, backing(third)], [dataStream("logs-app", [first, second, third])]);
    await run(bhs, "verify", { planned });
    expect(bhs.requests).toEqual([`probe ${third}`]);
  });

  test("fails while it is replicated", async () => {
    const bhs = new Streams(promoted, [dataStream("logs-app", [first, second], { replicated: true })]);
    await expect(run(bhs, "verify", { planned })).rejects.toThrow("data streams not promoted: logs-app");
  });
});

describe("a confirmed deletion of a data stream's indices", () => {
  const doomed = (...names: readonly string[]) => names.map((name) => backing(name));
  const remove = async (streams: readonly DataStreamState[], names: readonly string[]) => {
    const bhs = new Streams([], streams);
    const confirm = async () => void bhs.requests.push("confirm");
    const error = await deleteConfirmed(bhs.port(), [...doomed(...names), index("logs-1")], confirm).then(
      () => null,
      String,
    );
    return { requests: bhs.requests, error };
  };

  test("deletes the stream where all of them are meant, and other indices one by one", async () => {
    const { requests, error } = await remove([dataStream("logs-app", [first, second])], [first, second]);
    expect(error).toBeNull();
    expect(requests).toEqual(["confirm", "delete stream logs-app", "delete logs-1"]);
  });

  test("deletes older ones alone", async () => {
    const { requests } = await remove([dataStream("logs-app", [first, second])], [first]);
    expect(requests).toEqual(["confirm", `delete ${first},logs-1`]);
  });

  test("keeps the write index, and says why, where another one has to stay or has been replaced", async () => {
    const { requests, error } = await remove([dataStream("logs-app", [first, second])], [second]);
    expect(requests).toEqual(["confirm", "delete logs-1"]);
    expect(error).toMatch(`data stream logs-app is kept, and with it its write index: ${first} is not to be deleted`);
    const replaced = dataStream("logs-app", [first, second], {
      indices: [
        { name: first, uuid: "another" },
        { name: second, uuid: `uuid-${second}` },
      ],
    });
    expect((await remove([replaced], [first, second])).requests).not.toContain("delete stream logs-app");
  });

  test("keeps a stream with a failure store, which nothing else has", async () => {
    const failing = dataStream("logs-app", [first], { failureIndices: [".fs-logs-app-2026.01.01-000002"] });
    const { requests, error } = await remove([failing], [first]);
    expect(requests).toEqual(["confirm", "delete logs-1"]);
    expect(error).toMatch("Copy what you need of .fs-logs-app-2026.01.01-000002, then delete the data stream there");
  });
});

test("a clearing takes the followers of a stream along into which a doomed index takes the writes", async () => {
  const paused: string[] = [];
  const bhs = new Streams(
    [followed(first), backing(second)],
    [dataStream("logs-app", [first, second], { replicated: true })],
  );
  const context = {
    cluster: {
      ...bhs.port(),
      followers: async () => [follower(first)],
      pauseFollow: async (name: string) => void paused.push(name),
    },
    other: { region: "gra" },
    config,
    assertStillController: () => undefined,
  } as unknown as StepContext;
  expect(await followersInStreamsOf(context, [backing(second)])).toEqual([followed(first)]);
  expect(paused).toEqual([first]);
  // An older one can be deleted alone.
  expect(await followersInStreamsOf(context, [backing(first)])).toEqual([]);
});

describe("the report on data streams", () => {
  const active = activeView({ dataStreams: [dataStream("logs-app", [first, second])] });
  const standby = standbyView({ indices: [followed(first)], dataStreams: [] });

  test("tells how many of its indices are followed, and where it writes", () => {
    expect(dataStreamReport(active, standby)).toEqual([
      { name: "logs-app", writeIndex: second, indices: 2, followed: 1, problems: [] },
    ]);
  });

  test("names what a failover would find missing", () => {
    const failing = dataStream("logs-app", [first], { failureIndices: [".fs-logs-app-2026.01.01-000002"] });
    const without = dataStream("logs-app", [first], { replicated: true, hasTemplate: false });
    const [report] = dataStreamReport(activeView({ dataStreams: [failing] }), { ...standby, dataStreams: [without] });
    expect(report?.problems).toEqual([
      "no index template of bhs matches it: after a failover it cannot be rolled over",
      "its failure store (1 index) is in gra alone: CCR does not replicate it",
    ]);
    const [own] = dataStreamReport(active, { ...standby, dataStreams: [dataStream("logs-app", [first])] });
    expect(own?.problems).toEqual(["bhs has a data stream of this name that refuses to follow: delete it there"]);
  });
});
