import { describe, expect, test } from "vitest";
import { planReplication, type ReplicationSnapshot } from "../../watchdog/core/plans/replication.ts";
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
  leader: { region: "gra", indices: [index("logs-1")], definitions: [], ...leader },
  standby: {
    region: "bhs",
    indices: [index("logs-1", { following: true })],
    followers: [follower("logs-1")],
    autoFollow: [pattern],
    definitions: [],
    ...standby,
  },
  patterns: ["logs-*"],
  exclusions: [],
});

const kinds = (made: ReplicationSnapshot) => planReplication(made).changes.map(({ kind }) => kind);

describe("the changes that the standby needs", () => {
  test("are none when every index is followed", () => {
    expect(planReplication(view({}, {}))).toEqual({ changes: [], problems: [] });
  });

  test.each<[string, Partial<ReplicationSnapshot["standby"]>, string]>([
    ["a missing follower is followed", { indices: [], followers: [] }, "follow"],
    [
      "a fatal error is cured by pause and resume",
      { followers: [follower("logs-1", { fatalError: "no seed node" })] },
      "restart-follow",
    ],
    [
      "a paused follower is resumed",
      { followers: [follower("logs-1", {}, { status: "paused", shards: [] })] },
      "resume-follow",
    ],
    ["a closed follower is opened", { indices: [index("logs-1", { following: true, open: false })] }, "open-follower"],
    ["a missing auto-follow pattern is put", { autoFollow: [] }, "put-auto-follow"],
    [
      "a pattern with other indices is put anew",
      { autoFollow: [{ ...pattern, patterns: ["metrics-*"] }] },
      "put-auto-follow",
    ],
    [
      "a pattern with other exclusions is put anew",
      { autoFollow: [{ ...pattern, exclusions: ["logs-old"] }] },
      "put-auto-follow",
    ],
    ["a paused pattern is resumed", { autoFollow: [{ ...pattern, active: false }] }, "resume-auto-follow"],
  ])("%s", (_what, standby, kind) => {
    expect(kinds(view({}, standby))).toEqual([kind]);
  });

  test("are none for a follower in its first copy: it reports paused and cannot be resumed", () => {
    const copying = {
      indices: [index("logs-1", { following: true, primariesActive: 0 })],
      followers: [follower("logs-1", {}, { status: "paused", shards: [] })],
    };
    expect(planReplication(view({}, copying))).toEqual({ changes: [], problems: [] });
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
    expect(planReplication(made).problems.join()).toMatch(problem);
    expect(planReplication(made).changes).toEqual([]);
  });
});
