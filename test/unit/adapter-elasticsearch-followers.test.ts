import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { areWithoutCopy, firstCopyOf } from "../../watchdog/adapters/elasticsearch/first-copies.ts";
import {
  areWaitingForFirstCopy,
  missingPrimaries,
  type ShardCopy,
} from "../../watchdog/adapters/elasticsearch/missing-primaries.ts";
import { readByName } from "../../watchdog/adapters/elasticsearch/names.ts";
import { ClusterError } from "../../watchdog/core/ports/cluster.ts";

describe("indices read by name", () => {
  const missing = () => new ClusterError("gra", "not-found", "gra: read: no such index", 404);

  test("are all those that exist, in their order, whichever of them are gone", async () => {
    const some = fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[a-z]{20,40}$/), gone: fc.boolean() }), {
      selector: ({ name }) => name,
      maxLength: 300,
    });
    await fc.assert(
      fc.asyncProperty(some, async (indices) => {
        const gone = new Set(indices.filter((index) => index.gone).map(({ name }) => name));
        const read = await readByName(
          indices.map(({ name }) => name),
          async (names) => {
            if (names.some((name) => gone.has(name))) throw missing();
            return names;
          },
        );
        expect(read).toEqual(indices.filter((index) => !index.gone).map(({ name }) => name));
      }),
      { numRuns: 50 },
    );
  });

  test("5,000 of them take fewer than 100 requests, at most 4 at once", async () => {
    const names = Array.from({ length: 5_000 }, (_, n) => `app-orders-of-the-shop-${n}`);
    let [requests, running, most] = [0, 0, 0];
    await readByName(names, async (chunk) => {
      requests += 1;
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      return chunk;
    });
    expect(requests).toBeLessThan(100);
    expect(most).toBe(4);
  });

  test("fail with any other error than a missing name", async () => {
    const refused = new ClusterError("gra", "timeout", "gra: read: no answer");
    await expect(readByName(["a", "b"], () => Promise.reject(refused))).rejects.toBe(refused);
  });
});

const restore = { type: "SNAPSHOT", repository: "_ccr_gra" };
const waiting = (changes: Partial<ShardCopy> = {}): ShardCopy => ({
  primary: true,
  state: "UNASSIGNED",
  recovery_source: restore,
  ...changes,
});
const unassigned = (failed_attempts: number, allocation_status: string, details = "") =>
  waiting({ unassigned_info: { failed_attempts, allocation_status, details } });

describe("an index waits for its first copy", () => {
  const answer = (...primaries: ShardCopy[]) => ({
    routing_table: { indices: { logs: { shards: Object.fromEntries(primaries.map((each, n) => [n, [each]])) } } },
  });
  const isWaiting = (...primaries: ShardCopy[]) =>
    areWaitingForFirstCopy(missingPrimaries(answer(...primaries)).get("logs") ?? []);

  test("when all primaries that are not there are restored from a leader", () => {
    expect(isWaiting(waiting(), waiting({ state: "INITIALIZING" }))).toBe(true);
    expect(isWaiting(waiting(), { primary: true, state: "STARTED" })).toBe(true);
  });

  test.each([
    ["one primary is missing for another reason", waiting({ recovery_source: { type: "EXISTING_STORE" } })],
    ["one is restored from a repository of the users", waiting({ recovery_source: { ...restore, repository: "nas" } })],
  ])("not when %s", (_, primary) => {
    expect(isWaiting(waiting(), primary)).toBe(false);
  });

  test("not when every primary is there, and only copies are missing", () => {
    expect(isWaiting({ primary: true, state: "STARTED" }, waiting({ primary: false }))).toBe(false);
  });
});

describe("a first copy", () => {
  const index = { name: "logs", primaries: 2, maxAttempts: 5 };
  const part = (bytesDone: number, bytesTotal: number, startedAtMs: number) => ({ bytesDone, bytesTotal, startedAtMs });

  test("counts the bytes of all primaries from the first start, once the leader's files are known", () => {
    const initializing = waiting({ state: "INITIALIZING" });
    expect(firstCopyOf(index, [initializing], [part(10, 100, 7), part(5, 50, 3)])).toEqual({
      state: "running",
      bytesDone: 15,
      bytesTotal: 150,
      startedAtMs: 3,
      error: null,
    });
    expect(firstCopyOf(index, [initializing], [part(10, 100, 7)])).toMatchObject({ bytesDone: 10, bytesTotal: null });
    expect(firstCopyOf(index, [waiting()], [])).toMatchObject({ state: "running", startedAtMs: null });
  });

  test.each([
    ["all attempts are used up", unassigned(5, "no_attempt"), "failed"],
    ["no node may hold it", unassigned(0, "deciders_no"), "failed"],
    ["an attempt failed, and another follows", unassigned(4, "no_attempt"), "running"],
    ["a node makes it wait", unassigned(0, "deciders_throttled"), "running"],
  ])("when %s: %s", (_, primary, state) => {
    expect(firstCopyOf(index, [primary], []).state).toBe(state);
  });

  test("has ended with a restart once there is nothing to start for any missing primary, and not while one may be complete", () => {
    const [none, unstartable] = [unassigned(0, "no_valid_shard_copy"), unassigned(5, "no_attempt")];
    expect(areWithoutCopy([none, unstartable], index)).toBe(true);
    for (const other of [waiting({ state: "INITIALIZING" }), unassigned(0, "fetching_shard_data"), waiting()]) {
      expect(areWithoutCopy([none, other], index)).toBe(false);
    }
    expect(areWithoutCopy([], index)).toBe(false);
  });

  test("that failed names the innermost cause of the stack trace", () => {
    const details = [
      "failed shard on node [x]: failed recovery, failure org.elasticsearch.indices.recovery.RecoveryFailedException: [logs][0]",
      "\tat org.elasticsearch.index.shard.IndexShard.lambda$executeRecovery$55(IndexShard.java:3872)",
      "Caused by: [logs/u][[logs][0]] org.elasticsearch.index.shard.IndexShardRecoveryException: failed recovery",
      "\t... 104 more",
      "Caused by: [logs] org.elasticsearch.index.IndexNotFoundException: no such index [logs]",
      "\t... 76 more",
      "",
    ].join("\n");
    expect(firstCopyOf(index, [unassigned(5, "deciders_no", details)], []).error).toMatch(/no such index \[logs\]$/);
    expect(firstCopyOf(index, [unassigned(5, "deciders_no")], []).error).toBe("no node may hold its primary");
  });
});
