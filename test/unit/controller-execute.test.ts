import { describe, expect, test } from "vitest";
import type { WatchdogContext } from "../../watchdog/controller/context.ts";
import { PlanExecutor } from "../../watchdog/controller/loops/execute.ts";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import { planSwitchover } from "../../watchdog/core/plans/switchover.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { Store, StoredRecord } from "../../watchdog/core/ports/store.ts";
import type { HistoryEntry } from "../../watchdog/core/state/history.ts";
import { currentStep } from "../../watchdog/core/state/plan.ts";
import type { PromotingRecord, StateRecord } from "../../watchdog/core/state/record.ts";
import { noted } from "../../watchdog/core/state/transitions.ts";
import { markedIndices } from "../../watchdog/core/state/write-blocks.ts";
import { Wakeup } from "../../watchdog/util/wakeup.ts";
import { activeView, config, index, promotedUpTo, promoting, sight, standbyView } from "./core-fixtures.ts";
import { VirtualTime } from "./support/virtual-time.ts";

/** A store that counts its calls, and can let a concurrent write come first. */
class CountingStore implements Pick<Store, "read" | "write"> {
  stored: StoredRecord;
  reads = 0;
  readonly written: { readonly record: StateRecord; readonly entry: HistoryEntry }[] = [];
  /** Runs before the next write. */
  meanwhile: ((record: StateRecord) => StateRecord) | null = null;

  constructor(record: StateRecord) {
    this.stored = { record, revision: "1" };
  }

  async read(): Promise<StoredRecord> {
    this.reads += 1;
    return this.stored;
  }

  async write(record: StateRecord, expected: string | null, entry: HistoryEntry) {
    const other = this.meanwhile?.(this.stored.record);
    this.meanwhile = null;
    if (other !== undefined) this.#replace(other);
    if (expected !== this.stored.revision) return "conflict" as const;
    this.#replace(record);
    this.written.push({ record, entry });
    return { revision: this.stored.revision };
  }

  #replace(record: StateRecord): void {
    this.stored = { record, revision: String(Number(this.stored.revision) + 1) };
  }
}

/** The region to promote, its one index converted and closed, so that the remaining steps succeed. */
function bhs(open: () => boolean): Partial<Cluster> {
  return {
    region: "bhs",
    indices: async () => [index("logs-1", { open: open() })],
    followers: async () => [],
    openIndices: async () => undefined,
    dataStreams: async () => [],
    probeWrite: async () => undefined,
  };
}

function setUp(
  record: PromotingRecord,
  cluster: Partial<Cluster>,
  blockers: () => readonly string[] = () => [],
  gra: Partial<Cluster> = { region: "gra" },
) {
  const time = new VirtualTime();
  const store = new CountingStore(record);
  const observed = new ObservedState(config);
  observed.adoptRecord(record, 0);
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const context: Partial<WatchdogContext> = {
    config,
    clock: time,
    log: silent,
    store: store as unknown as Store,
    clusters: { gra: gra as Cluster, bhs: cluster as Cluster },
    observed,
    signal: new AbortController().signal,
    wakeDecide: new Wakeup(),
    actionBlockers: blockers,
    saveCopy: async () => undefined,
  };
  const executor = new PlanExecutor(context as WatchdogContext);
  const start = async () => {
    executor.start(store.stored);
    await time.runUntil(time.monotonicMs() + 900);
  };
  return { store, start, time };
}

const statusesOf = ({ plan }: PromotingRecord) => plan.steps.map(({ status }) => status);
const last = (store: CountingStore) => store.stored.record as PromotingRecord;

describe("a plan under execution", () => {
  test("costs one write to begin, one more for each step, and no read", async () => {
    const { store, start } = setUp(
      promotedUpTo("open"),
      bhs(() => true),
    );
    await start();
    expect(statusesOf(last(store)).every((status) => status === "done")).toBe(true);
    const stepsLeft = ["open", "write-aliases", "data-streams", "verify"];
    expect(store.written).toHaveLength(1 + stepsLeft.length);
    expect(store.reads).toBe(0);
  });

  test("marks one step as done and the next as running in one write, and records each outcome in the history", async () => {
    const { store, start } = setUp(
      promotedUpTo("open"),
      bhs(() => true),
    );
    await start();
    const running = store.written.map(({ record }) => {
      const step = record.phase === "promoting" ? currentStep(record.plan) : null;
      return step === null ? null : `${step.kind} ${step.status}`;
    });
    expect(running).toEqual(["open running", "write-aliases running", "data-streams running", "verify running", null]);
    expect(store.written.map(({ entry }) => entry.explanation)).toEqual([
      "open 1 index: running",
      "open 1 index: done",
      "set 0 write aliases: done",
      "promote 0 data streams: done",
      "verify 1 index: done",
    ]);
  });

  test("keeps a concurrent write, and continues", async () => {
    const { store, start } = setUp(promotedUpTo("open"), {
      ...bhs(() => true),
      dataStreams: async () => {
        store.meanwhile = (record) => noted(record, { paused: { by: "erin", sinceMs: 1, reason: "maintenance" } });
        return [];
      },
    });
    await start();
    expect(last(store).paused).toMatchObject({ by: "erin" });
    expect(statusesOf(last(store)).every((status) => status === "done")).toBe(true);
    expect(store.reads).toBe(1);
  });

  test("marks an index in the record before it write-blocks it", async () => {
    const record = promoting({
      change: "switchover",
      plan: planSwitchover(activeView(), standbyView(), sight, config, 0),
    });
    const blocked: string[] = [];
    const gra: Partial<Cluster> = {
      region: "gra",
      indices: async () => ["logs-1", "logs-late"].map((name) => index(name, { writeBlocked: blocked.includes(name) })),
      setWriteBlock: async (names) => {
        const marked = markedIndices(store.stored.record, "gra");
        for (const name of names) blocked.push(marked.includes(name) ? name : `${name} without a mark`);
      },
    };
    const writeBlocks = [{ region: "gra", index: "logs-1", uuid: "uuid-logs-1" }];
    const { store, start } = setUp({ ...record, writeBlocks }, { region: "bhs" }, () => [], gra);
    await start();
    expect(blocked).toEqual(["logs-1", "logs-late"]);
    expect(store.written.map(({ entry }) => entry.explanation).slice(0, 3)).toEqual([
      "block writes to 1 index of the region that is left: running",
      "block writes to 1 index of the region that is left: failed, logs-late of gra has to be marked before it is write-blocked",
      "block writes to 1 index of the region that is left: done",
    ]);
  });

  test("ends when another plan has replaced it", async () => {
    const { store, start } = setUp(promotedUpTo("open"), {
      ...bhs(() => true),
      dataStreams: async () => {
        store.meanwhile = (record) => ({ ...record, epoch: record.epoch + 1 });
        return [];
      },
    });
    await start();
    expect(store.written.map(({ entry }) => entry.explanation).at(-1)).toBe("set 0 write aliases: done");
    expect(last(store).epoch).toBe(3);
  });

  test("stops without a write once this watchdog may no longer act", async () => {
    let blockers: readonly string[] = [];
    const { store, start } = setUp(
      promotedUpTo("open"),
      {
        ...bhs(() => true),
        dataStreams: async () => {
          blockers = ["this watchdog does not lead"];
          return [];
        },
      },
      () => blockers,
    );
    await start();
    expect(store.written.map(({ entry }) => entry.explanation).at(-1)).toBe("set 0 write aliases: done");
    expect(statusesOf(last(store)).slice(-2)).toEqual(["running", "pending"]);
  });

  test("records that a step failed without restarting it, and retries after a second", async () => {
    let isOpen = false;
    const { store, start, time } = setUp(
      promotedUpTo("open"),
      bhs(() => isOpen),
    );
    await start();
    expect(store.written.at(-1)?.entry.explanation).toBe("open 1 index: failed, indices still closed: logs-1");
    expect(currentStep(last(store).plan)).toMatchObject({ kind: "open", status: "failed", attempts: 1 });
    isOpen = true;
    await start();
    expect(store.written).toHaveLength(2);
    await time.runUntil(time.monotonicMs() + 1_000);
    await start();
    expect(statusesOf(last(store)).every((status) => status === "done")).toBe(true);
  });
});
