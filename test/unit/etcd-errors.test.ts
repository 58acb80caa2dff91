import { describe, expect, test } from "vitest";
import { classifyRefusal, type EtcdErrorKind, summarise } from "../../watchdog/adapters/etcd/errors.ts";

describe("a refusal of etcd is classified", () => {
  const table: readonly [number, string, EtcdErrorKind, { doubt: boolean; next: boolean; stale?: boolean }][] = [
    [14, "etcdserver: no leader", "no-quorum", { doubt: false, next: true }],
    [14, "etcdserver: request timed out", "timeout", { doubt: true, next: true }],
    [14, "etcdserver: request timed out, possibly due to connection lost", "timeout", { doubt: true, next: true }],
    [14, "etcdserver: leader changed", "timeout", { doubt: true, next: true }],
    [14, "etcdserver: rpc not supported for learner", "unreachable", { doubt: false, next: true }],
    [14, "etcdserver: unhealthy cluster", "rejected", { doubt: false, next: false }],
    [4, "context deadline exceeded", "timeout", { doubt: true, next: true }],
    [2, "context canceled", "timeout", { doubt: true, next: true }],
    [16, "etcdserver: invalid auth token", "unauthorized", { doubt: false, next: false, stale: true }],
    [3, "etcdserver: revision of auth store is old", "unauthorized", { doubt: false, next: false, stale: true }],
    [
      3,
      "etcdserver: authentication failed, invalid user ID or password",
      "unauthorized",
      { doubt: false, next: false },
    ],
    [3, "etcdserver: user name is empty", "unauthorized", { doubt: false, next: false }],
    [7, "etcdserver: permission denied", "unauthorized", { doubt: false, next: false }],
    [5, "etcdserver: requested lease not found", "rejected", { doubt: false, next: false }],
    [8, "etcdserver: mvcc: database space exceeded", "full", { doubt: false, next: false }],
    [8, "etcdserver: too many requests", "timeout", { doubt: false, next: true }],
    [8, "grpc: received message larger than max", "rejected", { doubt: false, next: false }],
    [15, "etcdserver: corrupt cluster", "corrupt", { doubt: false, next: false }],
    [9, "etcdserver: authentication is not enabled", "rejected", { doubt: false, next: false }],
  ];
  test.each(table)("code %i, %s: %s", (code, reason, kind, { doubt, next, stale = false }) => {
    expect(classifyRefusal("https://a:2379", code, reason)).toEqual({
      endpoint: "https://a:2379",
      kind,
      reason,
      mayHaveTakenEffect: doubt,
      anotherMemberMayAnswer: next,
      staleToken: stale,
    });
  });
});

describe("the error of a call that failed at every endpoint", () => {
  const noLeader = classifyRefusal("https://a:2379", 14, "etcdserver: no leader");
  const timedOut = classifyRefusal("https://b:2379", 14, "etcdserver: request timed out");

  test("names the call, and every endpoint with its reason", () => {
    expect(summarise("write of the state record", [noLeader, timedOut], true).message).toBe(
      "etcd: write of the state record failed: a majority of the members is missing, or no leader is elected yet " +
        "(https://a:2379: etcdserver: no leader; https://b:2379: etcdserver: request timed out).",
    );
  });

  test("names the way out of a full etcd", () => {
    const full = classifyRefusal("https://a:2379", 8, "etcdserver: mvcc: database space exceeded");
    expect(summarise("lease grant", [full], false).message).toMatch(
      /etcd's quota is reached: it takes no write until `sudo es-failover etcd defragment` on a member's host/,
    );
  });

  test("warns that a change may have been made, but not for a read", () => {
    const write = summarise("write", [noLeader, timedOut], false);
    expect(write.mayHaveTakenEffect).toBe(true);
    expect(write.message).toMatch(/The change may have been made all the same\.$/);
    expect(summarise("read", [noLeader, timedOut], true).mayHaveTakenEffect).toBe(false);
    expect(summarise("write", [noLeader], false).mayHaveTakenEffect).toBe(false);
  });
});
