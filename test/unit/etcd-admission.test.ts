import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EtcdMember } from "../../watchdog/adapters/etcd/wire.ts";
import {
  decideAdmission,
  type Founding,
  type LocalMember,
  type ObservedCluster,
} from "../../watchdog/etcd-member/admission.ts";

const own = "https://192.168.1.101:2380";
const local = (changes: Partial<LocalMember> = {}): LocalMember => ({
  peerUrl: own,
  hasData: false,
  joined: false,
  founding: "with-all",
  ...changes,
});
const member = (changes: Partial<EtcdMember> = {}): EtcdMember => ({
  id: "1",
  name: "gra-haproxy-1",
  peerURLs: [own],
  clientURLs: ["https://192.168.1.101:2379"],
  isLearner: false,
  ...changes,
});
const other = member({ id: "2", name: "bhs-haproxy-1", peerURLs: ["https://192.168.2.101:2380"] });
const cluster = (...members: readonly EtcdMember[]): ObservedCluster => ({
  kind: "cluster",
  members: [other, ...members],
});
const silent: ObservedCluster = { kind: "silent", noFounders: [] };
const missing: ObservedCluster = { kind: "silent", noFounders: ["bhs-haproxy-1"] };
const noQuorum: ObservedCluster = { kind: "no-quorum", reason: "no leader" };

describe("the admission of a host's etcd member", () => {
  test("the first host in its place founds a cluster with all others", () => {
    expect(decideAdmission(local(), silent)).toMatchObject({ kind: "start", clusterState: "new" });
  });

  test("it founds none without each of them, because a cluster that is out of reach may exist, unless an operator confirms it", () => {
    expect(decideAdmission(local(), missing)).toMatchObject({
      kind: "wait",
      why: expect.stringContaining("bhs-haproxy-1 cannot be reached"),
    });
    expect(decideAdmission(local({ founding: "confirmed" }), missing)).toMatchObject({ kind: "start" });
  });

  test("a host that replaces an earlier one waits while no member answers, because the cluster may still exist", () => {
    expect(decideAdmission(local({ founding: "refused" }), silent)).toMatchObject({ kind: "wait" });
  });

  test("no member enters a cluster without a majority to admit it", () => {
    for (const changes of [{}, { hasData: true }, { founding: "refused" }] as const) {
      expect(decideAdmission(local(changes), noQuorum)).toMatchObject({ kind: "wait" });
    }
  });

  test("a member with its data and membership starts whatever the others report", () => {
    for (const view of [silent, noQuorum, cluster(member()), cluster()]) {
      expect(decideAdmission(local({ hasData: true, joined: true }), view).kind).toBe("start");
    }
  });

  test("a founder that is later than the others starts as a founder", () => {
    expect(decideAdmission(local(), cluster(member({ clientURLs: [] })))).toMatchObject({
      kind: "start",
      clusterState: "new",
    });
  });

  test("a rebuilt host's old member is removed, then it is added as a learner, then it starts as one", () => {
    expect(decideAdmission(local(), cluster(member()))).toMatchObject({ kind: "remove-member", id: "1" });
    expect(decideAdmission(local(), cluster())).toMatchObject({ kind: "add-learner" });
    const admitted = cluster(member({ id: "9", name: "", clientURLs: [], isLearner: true }));
    expect(decideAdmission(local(), admitted)).toMatchObject({ kind: "start", clusterState: "existing" });
  });

  test("an interrupted learner continues; one that lost its data is removed first", () => {
    const learner = cluster(member({ isLearner: true }));
    expect(decideAdmission(local({ hasData: true }), learner)).toMatchObject({ kind: "start" });
    expect(decideAdmission(local(), learner)).toMatchObject({ kind: "remove-member" });
  });

  test("data of an unknown cluster is moved aside before the member is added", () => {
    expect(decideAdmission(local({ hasData: true }), cluster())).toMatchObject({ kind: "discard-data" });
  });

  test("no member that has ever voted starts without data that a working cluster has confirmed", () => {
    const anyView = fc.constantFrom<ObservedCluster>(
      cluster(),
      cluster(member()),
      cluster(member({ isLearner: true })),
      noQuorum,
    );
    const anyFounding = fc.constantFrom<Founding>("refused", "with-all", "confirmed");
    fc.assert(
      fc.property(anyView, fc.boolean(), anyFounding, (view, hasData, founding) => {
        const decided = decideAdmission(local({ hasData, founding }), view);
        const voted = view.kind === "cluster" && view.members.some(({ id, isLearner }) => id === "1" && !isLearner);
        if (voted || view.kind === "no-quorum") expect(decided.kind).not.toBe("start");
      }),
    );
  });
});
