import { beforeEach, describe, expect, test } from "vitest";
import type { Transaction, TransactionAnswer } from "../../watchdog/adapters/etcd/client.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { AcknowledgementSharing } from "../../watchdog/applications/endpoint/sharing.ts";

const minute = 60_000;
const hour = 60 * minute;
const report = { application: "orders", instance: "host1", epoch: 3, problem: null, confirmed: true };

let nowMs: number;
let writes: number;
let values: Map<string, string>;
beforeEach(() => {
  nowMs = 10 * hour;
  writes = 0;
  values = new Map();
});

const store = {
  list: (prefix: string) =>
    Promise.resolve(
      [...values]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => ({ key, value, modRevision: "1", createRevision: "1", version: "1", lease: "0" })),
    ),
  transact: (_: string, { success }: Transaction): Promise<TransactionAnswer> => {
    writes += 1;
    for (const operation of success) if ("put" in operation) values.set(operation.put, operation.value);
    return Promise.resolve({ succeeded: true, revision: "2", read: [], counts: [] });
  },
};

function watchdog(name: string) {
  const acknowledgements = new Acknowledgements();
  const clock = { nowMs: () => nowMs };
  const sharing = new AcknowledgementSharing({ client: store, prefix: "/p/", watchdog: name, acknowledgements, clock });
  return { acknowledgements, round: () => sharing.round(), all: () => acknowledgements.all(nowMs) };
}

describe("shared acknowledgements", () => {
  test("of an instance that repeats its report stay known to the other watchdogs, by a few writes", async () => {
    const [first, second] = [watchdog("w1"), watchdog("w2")];
    for (const end = nowMs + 3 * hour; nowMs < end; nowMs += minute) {
      first.acknowledgements.receive(report, nowMs);
      await first.round();
      await second.round();
      expect(second.all()).toMatchObject([{ instance: "host1", sinceMs: 10 * hour }]);
    }
    expect(writes).toBeLessThan(20);
  });

  test("are written at once when a report has something new", async () => {
    const { acknowledgements, round } = watchdog("w1");
    acknowledgements.receive({ ...report, confirmed: false }, nowMs);
    await round();
    await round();
    expect(writes).toBe(1);
    acknowledgements.receive(report, nowMs);
    await round();
    expect(writes).toBe(2);
  });

  test("of other versions are read where they can be, and hide no others", async () => {
    const { confirmed: _, ...older } = report;
    const instances = [
      { ...older, atMs: nowMs },
      { ...report, instance: "newer", atMs: nowMs, added: 1 },
      { epoch: "x" },
    ];
    values.set("/p/acknowledgements/w2", JSON.stringify({ instances }));
    const { round, all } = watchdog("w1");
    await round();
    expect(all()).toMatchObject([
      { instance: "host1", confirmed: true, sinceMs: null },
      { instance: "newer", epoch: 3 },
    ]);
  });
});
