import { describe, expect, test } from "vitest";
import { planReplication } from "../../watchdog/core/plans/replication.ts";
import type { ReplicationSnapshot } from "../../watchdog/core/plans/replication-change.ts";
import { follower, index } from "./core-fixtures.ts";

const pattern = {
  name: "es-failover-from-gra",
  remoteCluster: "gra",
  patterns: ["logs-*"],
  exclusions: [],
  active: true,
};
const template = (name: string, body: Record<string, unknown>) => ({ kind: "index-template", name, body }) as const;

const view = (
  leader: Partial<ReplicationSnapshot["leader"]>,
  standby: Partial<ReplicationSnapshot["standby"]>,
): ReplicationSnapshot => ({
  leader: {
    region: "gra",
    indices: [index("logs-1")],
    definitions: [],
    health: "healthy",
    sameCluster: true,
    ...leader,
  },
  standby: {
    region: "bhs",
    indices: [index("logs-1", { following: true })],
    followers: [follower("logs-1")],
    copies: new Map(),
    autoFollow: [pattern],
    definitions: [],
    reachesLeader: false,
    neverComplete: new Set(),
    ...standby,
  },
  patterns: ["logs-*"],
  exclusions: [],
  dueDeletions: new Set(),
  seenBefore: new Set(),
});

/** The plan of the second of two rounds that show the same. */
const planTwice = (made: ReplicationSnapshot) =>
  planReplication({ ...made, seenBefore: planReplication(made).sightings });
const kindsTwice = (made: ReplicationSnapshot) => planTwice(made).changes.map(({ kind }) => kind);

const kinds = (made: ReplicationSnapshot) => planReplication(made).changes.map(({ kind }) => kind);

test("a searchable snapshot is not followed, which CCR would refuse in every round", () => {
  const indices = [index("logs-1"), index("logs-2", { searchableSnapshot: true })];
  expect(planReplication(view({ indices }, {}))).toMatchObject({ changes: [], problems: [] });
});

describe("the changes that the standby needs", () => {
  test("are none when every index is followed", () => {
    expect(planReplication(view({}, {}))).toMatchObject({ changes: [], problems: [] });
  });

  test("restart a follower that waits to read, once its leader answers and two rounds have seen it", () => {
    const waiting = { followers: [follower("logs-1", { readErrors: ["connect_exception"] })] };
    const reached = view({}, { ...waiting, reachesLeader: true });
    expect(kinds(reached)).toEqual([]);
    expect(kindsTwice(reached)).toEqual(["restart-follow"]);
    expect(kindsTwice(view({}, waiting))).toEqual([]);
    expect(kindsTwice(view({ health: "unhealthy" }, { ...waiting, reachesLeader: true }))).not.toContain(
      "restart-follow",
    );
  });

  test("restart a follower with the task of an index that is gone, once two rounds have seen its leader there", () => {
    const left = view({}, { followers: [follower("logs-1", { fatalError: "no such index [logs-1]" })] });
    expect(kinds(left)).toEqual([]);
    expect(kindsTwice(left)).toEqual(["restart-follow"]);
  });

  test("restart no more than a hundred followers in a round", () => {
    const names = Array.from({ length: 150 }, (_, n) => `logs-${n}`);
    const standby = {
      indices: names.map((name) => index(name, { following: true })),
      followers: names.map((name) => follower(name, { readErrors: ["connect_exception"] })),
      reachesLeader: true,
    };
    const made = view({ indices: names.map((name) => index(name)) }, standby);
    expect(kindsTwice(made).filter((kind) => kind === "restart-follow")).toHaveLength(100);
  });

  test.each<[string, Partial<ReplicationSnapshot["standby"]>, string]>([
    ["a missing follower is followed", { indices: [], followers: [] }, "follow"],
    [
      "a fatal error is cured by pause and resume",
      { followers: [follower("logs-1", { fatalError: "no seed node" })] },
      "restart-follow",
    ],
    [
      "a block that the leader does not have is lifted",
      { indices: [index("logs-1", { following: true, writeBlocked: true })] },
      "lift-follower-block",
    ],
    ["a missing auto-follow pattern is put", { autoFollow: [] }, "put-auto-follow"],
    [
      "a pattern with other indices is put again",
      { autoFollow: [{ ...pattern, patterns: ["metrics-*"] }] },
      "put-auto-follow",
    ],
    [
      "a pattern with other exclusions is put again",
      { autoFollow: [{ ...pattern, exclusions: ["logs-old"] }] },
      "put-auto-follow",
    ],
    ["a paused pattern is resumed", { autoFollow: [{ ...pattern, active: false }] }, "resume-auto-follow"],
  ])("%s", (_what, standby, kind) => {
    expect(kinds(view({}, standby))).toEqual([kind]);
  });

  describe("with an operator's auto-follow pattern", () => {
    const theirs = { ...pattern, name: "dr" };

    test("are none where it does what the watchdog's would do: it is used under its name", () => {
      expect(planReplication(view({}, { autoFollow: [theirs] }))).toMatchObject({ changes: [], problems: [] });
      expect(planReplication(view({}, { autoFollow: [{ ...theirs, active: false }] })).changes).toEqual([
        { kind: "resume-auto-follow", name: "dr" },
      ]);
      expect(planReplication(view({ health: "suspect" }, { autoFollow: [theirs] })).changes).toEqual([
        { kind: "pause-auto-follow", name: "dr" },
      ]);
    });

    test.each([
      ["names followers otherwise", { followerNames: "{{leader_index}}-copy" }],
      ["matches some of the managed indices", { patterns: ["logs-a*", "metrics-*"] }],
      ["matches them all and more", { patterns: ["*"], exclusions: ["tmp-*"] }],
      ["is paused", { patterns: ["*ogs-1"], active: false }],
    ])(
      "that %s put the watchdog's own, and the other is a problem, as Elasticsearch then follows nothing",
      (_, other) => {
        const plan = planReplication(view({}, { autoFollow: [{ ...theirs, ...other }] }));
        expect(plan.changes.map(({ kind }) => kind)).toEqual(["put-auto-follow"]);
        expect(plan.problems).toEqual([
          expect.stringMatching(/^the auto-follow pattern dr in bhs matches managed indices/),
        ]);
        const beside = planReplication(view({}, { autoFollow: [pattern, { ...theirs, ...other }] }));
        expect(beside).toMatchObject({ changes: [], problems: plan.problems });
      },
    );

    test.each([
      ["of other indices", { patterns: ["metrics-*"] }],
      ["that excludes the managed ones", { patterns: ["*"], exclusions: ["logs*"] }],
      ["of another cluster", { remoteCluster: "rbx" }],
    ])("%s leave it alone", (_, other) => {
      const plan = planReplication(view({}, { autoFollow: [pattern, { ...theirs, ...other }] }));
      expect(plan).toMatchObject({ changes: [], problems: [] });
    });
  });

  test("are none for a block that the leader has, too", () => {
    const blocked = { indices: [index("logs-1", { following: true, writeBlocked: true })] };
    expect(kinds(view({ indices: [index("logs-1", { writeBlocked: true })] }, blocked))).toEqual([]);
  });

  const paused = follower("logs-1", {}, { status: "paused", shards: [] });

  test("a paused follower is resumed once it was seen paused twice: one whose copy has just ended starts by itself", () => {
    const made = view({}, { followers: [paused] });
    expect([kinds(made), kindsTwice(made)]).toEqual([[], ["resume-follow"]]);
  });

  test("a closed follower is opened once it was seen closed twice: index lifecycle management may be about to unfollow it", () => {
    const made = view({}, { indices: [index("logs-1", { following: true, open: false })], followers: [paused] });
    expect([kinds(made), kindsTwice(made)]).toEqual([[], ["open-follower"]]);
  });

  const copy = (state: "running" | "failed") => ({
    state,
    bytesDone: 1,
    bytesTotal: 9,
    startedAtMs: 0,
    error: state === "failed" ? "no room" : null,
  });

  test("are none for a follower in its first copy: it reports paused and cannot be resumed", () => {
    const copying = {
      indices: [index("logs-1", { following: true, primariesActive: 0, firstCopy: copy("running") })],
      followers: [follower("logs-1", {}, { status: "paused", shards: [] })],
    };
    expect(planReplication(view({}, copying))).toMatchObject({ changes: [], problems: [] });
  });

  test("are none for a follower without a primary whose first copy is over: it is named, with the way out", () => {
    const cutOff = view(
      {},
      { indices: [index("logs-1", { following: true, primariesActive: 0 })], followers: [paused] },
    );
    expect(planTwice(cutOff)).toMatchObject({ changes: [], problems: [expect.stringMatching(/delete it there/)] });
  });

  test("recreate a follower that was never complete, and of which no node has a copy that can be started", () => {
    const ended = (noCopy: boolean, neverComplete: readonly string[]) =>
      view(
        {},
        {
          indices: [index("logs-1", { following: true, primariesActive: 0, noCopy })],
          followers: [paused],
          // Its leader may be complete by now, which tells nothing about it.
          copies: new Map([["logs-1", "unknown"]]),
          neverComplete: new Set(neverComplete),
        },
      );
    const made = ended(true, ["uuid-logs-1"]);
    expect([kinds(made), kindsTwice(made)]).toEqual([[], ["recreate-follow"]]);
    expect(kindsTwice(ended(false, ["uuid-logs-1"]))).toEqual([]);
    expect(kindsTwice(ended(true, ["uuid-of-another"]))).toEqual([]);
  });

  const copied = (state: "running" | "failed", primariesActive = 0) => ({
    indices: [index("logs-1", { following: true, primariesActive, firstCopy: copy(state), writeBlocked: true })],
    followers: [paused],
  });

  test("are none while a first copy runs, however often it is seen, whatever else there is about it", () => {
    expect(kindsTwice(view({}, copied("running")))).toEqual([]);
  });

  test("recreate a follower whose first copy was seen failed twice, and whose leader is healthy both times", () => {
    const made = view({}, copied("failed"));
    expect([kinds(made), kindsTwice(made)]).toEqual([[], ["recreate-follow"]]);
    expect(planTwice(made).changes).toMatchObject([
      {
        cause: "copy-failed",
        follower: { name: "logs-1", uuid: "uuid-logs-1" },
        reason: "its first copy failed: no room",
      },
    ]);
    for (const health of ["suspect", "unhealthy", "recovering", "unknown"] as const) {
      expect(kindsTwice(view({ health }, copied("failed")))).not.toContain("recreate-follow");
    }
    const seenOfAnother = planReplication(made).sightings;
    const next = view(
      {},
      { ...copied("failed"), indices: [index("logs-1", { ...copied("failed").indices[0], uuid: "next" })] },
    );
    expect(planReplication({ ...next, seenBefore: seenOfAnother }).changes).toEqual([]);
  });

  test("recreate a follower whose leader was recreated, when that was seen twice; a restart would not help it", () => {
    const followers = [follower("logs-1", { fatalError: "no such index [logs-1]" }, { leaderUuid: "earlier" })];
    const made = view({}, { followers });
    expect([kinds(made), kindsTwice(made)]).toEqual([[], ["recreate-follow"]]);
    expect(planTwice(made).changes).toMatchObject([{ cause: "leader-recreated", leader: { uuid: "uuid-logs-1" } }]);
    expect(kindsTwice(view({}, { followers: [follower("logs-1", {}, { leaderUuid: null })] }))).toEqual([]);
  });

  test("destroy nothing when the whole active region seems to have been built again", () => {
    const names = ["logs-1", "logs-2", "logs-3"];
    const of = (recreated: number, sameCluster = true) =>
      planTwice(
        view(
          { indices: names.map((name) => index(name)), sameCluster },
          {
            indices: names.map((name) => index(name, { following: true })),
            followers: names.map((name, n) => follower(name, {}, n < recreated ? { leaderUuid: "earlier" } : {})),
          },
        ),
      );
    expect(of(1).changes).toHaveLength(1);
    for (const doubtful of [of(2), of(3), of(1, false)]) {
      expect(doubtful.changes).toEqual([]);
      expect(doubtful.problems.join()).toMatch(/bhs may hold the only copies/);
    }
  });

  test("pause auto-follow once the active region does not answer, and are nothing else then", () => {
    for (const health of ["suspect", "unhealthy"] as const) {
      expect(kinds(view({ health, definitions: [template("a", {})] }, { indices: [], followers: [] }))).toEqual([
        "pause-auto-follow",
      ]);
      expect(kinds(view({ health }, { autoFollow: [{ ...pattern, active: false }] }))).toEqual([]);
    }
  });

  test("resume auto-follow only when the active region is healthy again", () => {
    const standby = { autoFollow: [{ ...pattern, active: false }] };
    expect([kinds(view({ health: "recovering" }, standby)), kinds(view({}, standby))]).toEqual([
      [],
      ["resume-auto-follow"],
    ]);
  });

  test("put definitions that differ, and not those that differ in the order of keys", () => {
    const leader = { definitions: [template("a", { x: 1, y: { b: 1, a: 2 } }), template("b", { x: 1 })] };
    const standby = {
      definitions: [template("a", { y: { a: 2, b: 1 }, x: 1 }), template("b", { x: 2 }), template("own", {})],
    };
    expect(planReplication(view(leader, standby)).changes).toEqual([
      { kind: "put-definition", definition: template("b", { x: 1 }) },
    ]);
  });

  test("put what index templates refer to before them", () => {
    const component = { kind: "component-template", name: "z", body: {} } as const;
    const { changes } = planReplication(view({ definitions: [template("a", {}), component] }, {}));
    expect(changes.map((change) => (change.kind === "put-definition" ? change.definition.kind : ""))).toEqual([
      "component-template",
      "index-template",
    ]);
  });

  test("resume a pattern after following the indices that it would follow as well", () => {
    const standby = { indices: [], followers: [], autoFollow: [{ ...pattern, active: false }] };
    expect(kinds(view({ definitions: [template("a", {})] }, standby))).toEqual([
      "put-definition",
      "follow",
      "resume-auto-follow",
    ]);
  });

  test.each<[string, ReplicationSnapshot, RegExp]>([
    [
      "an index of its own",
      view({}, { indices: [index("logs-1")], followers: [] }),
      /exists in bhs but is not a follower/,
    ],
    [
      "a follower of somebody else",
      view({}, { followers: [follower("logs-1", {}, { remoteCluster: "old" })] }),
      /follows logs-1 of old/,
    ],
    ["a closed leader", view({ indices: [index("logs-1", { open: false })] }, {}), /closed in gra/],
    ["a leader that was deleted", view({ indices: [] }, {}), /gra no longer has/],
  ])("%s is left to a person", (_what, made, problem) => {
    expect(planTwice(made).problems.join()).toMatch(problem);
    expect(planTwice(made).changes).toEqual([]);
  });

  test("an index that was followed after the active region was read is not called one without a leader", () => {
    const made = view({ indices: [] }, {});
    expect(planReplication(made).problems).toEqual([]);
    expect(planTwice(made).problems.join()).toMatch(/gra no longer has/);
  });
});
