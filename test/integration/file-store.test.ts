import { execFile, spawn } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { createFileStore, createRecordCopy } from "../../watchdog/adapters/file-store/store.ts";
import type { HistoryEntry } from "../../watchdog/core/state/history.ts";
import { onSmallDisk } from "./support/small-disk.ts";
import { stateRecord } from "./support/state-record.ts";

const run = promisify(execFile);

let directory: string;
let nowMs: number;
let historyFailures: unknown[];
const file = (name: string) => path.join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-store-"));
  nowMs = 0;
  historyFailures = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const newStore = (routers: readonly string[] = []) =>
  createFileStore({
    directory,
    clock: { monotonicMs: () => nowMs },
    leaseTtlMs: 10_000,
    routers,
    historyFailed: (error) => historyFailures.push(error),
  });

const recordOf = (sequence: number) => stateRecord(1, sequence);
const entryOf = (sequence: number): HistoryEntry => ({
  atMs: sequence,
  epoch: 1,
  rule: "a-rule",
  explanation: `change ${sequence}`,
  watchdog: "w1",
});

describe("the state document on disk", () => {
  test("is read by the next process that opens the directory", async () => {
    const store = newStore();
    expect(await store.read()).toBeNull();
    expect(await store.write(recordOf(1), null, entryOf(1))).not.toBe("conflict");
    const stored = await newStore().read();
    expect(stored?.record).toEqual(recordOf(1));
    expect(await newStore().history(10)).toEqual([entryOf(1)]);
    expect((await readdir(directory)).sort()).toEqual(["history.jsonl", "lock", "record.json"]);
  });

  test("changes only if it still is what the writer read", async () => {
    const store = newStore();
    await store.write(recordOf(1), null, entryOf(1));
    expect(await store.write(recordOf(9), null, entryOf(9))).toBe("conflict");
    const first = (await store.read())?.revision ?? "";
    expect(await store.write(recordOf(2), first, entryOf(2))).not.toBe("conflict");
    expect(await store.write(recordOf(3), first, entryOf(3))).toBe("conflict");
    expect((await store.read())?.record.sequence).toBe(2);
    expect((await store.history(10)).map(({ atMs }) => atMs)).toEqual([1, 2]);
  });

  test("loses no change of several processes that write at once", async () => {
    const counter = path.join(import.meta.dirname, "support", "file-store-counter.ts");
    const results = await Promise.all([1, 2, 3].map(() => run(process.execPath, [counter, directory, "15"])));
    const conflicts = results.map(({ stdout }) => Number(stdout));
    const stored = await newStore().read();
    expect(stored?.record.sequence).toBe(45);
    const sequences = (await newStore().history(100)).map(({ atMs }) => atMs);
    expect(sequences).toEqual(Array.from({ length: 45 }, (_, n) => n + 1));
    // Without a conflict the three writers would not have competed.
    expect(conflicts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });

  test.each([
    ["cut short", (text: string) => text.slice(0, text.length / 2)],
    ["empty", () => ""],
    ["altered", (text: string) => text.replace('"gra"', '"bhs"')],
    ["of another kind", () => '{"hello": "world"}'],
  ])("that is %s is an error with its path, and never counts as missing", async (_, corrupt) => {
    await newStore().write(recordOf(1), null, entryOf(1));
    await writeFile(file("record.json"), corrupt(await readFile(file("record.json"), "utf8")));
    const named = new RegExp(`${file("record.json")} is damaged`);
    await expect(newStore().read()).rejects.toThrow(named);
    await expect(newStore().write(recordOf(2), null, entryOf(2))).rejects.toThrow(named);
  });

  test("that vanished beside its history is an error and not a new beginning", async () => {
    await newStore().write(recordOf(1), null, entryOf(1));
    await rm(file("record.json"));
    await expect(newStore().read()).rejects.toThrow(/record\.json is missing/);
    await expect(newStore().write(recordOf(1), null, entryOf(1))).rejects.toThrow(/record\.json is missing/);
  });

  test("survives a writer that is killed at any moment", async () => {
    const counter = path.join(import.meta.dirname, "support", "file-store-counter.ts");
    let reached = 0;
    for (let round = 0; round < 5; round += 1) {
      const child = spawn(process.execPath, [counter, directory, "100000"], { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const goal = reached + 3 + round;
      const written = async () => ((await newStore().read())?.record.sequence ?? 0) >= goal;
      await eventually(`change ${goal} is written`, 15_000, written);
      child.kill("SIGKILL");
      await ended;
      reached = (await newStore().read())?.record.sequence ?? 0;
      expect(reached).toBeGreaterThanOrEqual(goal);
    }
    // The kernel released the dead writers' locks, and the history is complete.
    const store = newStore();
    const revision = (await store.read())?.revision ?? null;
    expect(await store.write(recordOf(reached + 1), revision, entryOf(reached + 1))).not.toBe("conflict");
    const sequences = (await store.history(10_000)).map(({ atMs }) => atMs);
    expect(sequences).toEqual(Array.from({ length: reached + 1 }, (_, n) => n + 1));
  });
});

describe("the history", () => {
  test("continues after a line that was cut short", async () => {
    const store = newStore();
    await store.write(recordOf(1), null, entryOf(1));
    await appendFile(file("history.jsonl"), '{"atMs": 99, "epo');
    const revision = (await store.read())?.revision ?? "";
    await store.write(recordOf(2), revision, entryOf(2));
    expect((await store.history(10)).map(({ atMs }) => atMs)).toContain(2);
    expect((await store.history(10)).map(({ atMs }) => atMs)).not.toContain(99);
  });

  test("that cannot be written is reported, does not undo the change, and is completed by the next change", async () => {
    const store = newStore();
    await mkdir(file("history.jsonl"));
    expect(await store.write(recordOf(1), null, entryOf(1)).catch(() => "refused")).toBe("refused");
    await rm(file("history.jsonl"), { recursive: true });
    await store.write(recordOf(1), null, entryOf(1));
    await rm(file("history.jsonl"));
    await mkdir(file("history.jsonl"));
    const revision = (await store.read())?.revision ?? "";
    expect(await store.write(recordOf(2), revision, entryOf(2))).not.toBe("conflict");
    expect(historyFailures).toHaveLength(1);
    await rm(file("history.jsonl"), { recursive: true });
    expect(await store.history(10)).toEqual([entryOf(2)]);
    await store.write(recordOf(3), (await store.read())?.revision ?? "", entryOf(3));
    expect((await store.history(10)).map(({ atMs }) => atMs)).toEqual([2, 3]);
  });

  test("is bounded: the oldest changes are dropped", async () => {
    const store = newStore();
    const long = (sequence: number) => ({ ...entryOf(sequence), explanation: "x".repeat(300_000) });
    let revision: string | null = null;
    for (let sequence = 1; sequence <= 12; sequence += 1) {
      await store.write(recordOf(sequence), revision, long(sequence));
      revision = (await store.read())?.revision ?? null;
    }
    const sequences = (await store.history(100)).map(({ atMs }) => atMs);
    expect(sequences.at(-1)).toBe(12);
    expect(sequences.length).toBeGreaterThanOrEqual(4);
    expect(sequences.length).toBeLessThanOrEqual(8);
    expect((await readdir(directory)).filter((name) => name.startsWith("history"))).toHaveLength(2);
  });
});

describe("leases of the routers beside a single watchdog", () => {
  test("last for their time to live, and keep the highest acknowledged epoch", async () => {
    const store = newStore();
    expect(await store.renewRouterLease("hap-1")).toEqual({ validForMs: 10_000 });
    await store.acknowledge("hap-1", 4);
    await store.acknowledge("hap-1", 3);
    nowMs = 9_999;
    expect(await store.routerLeases()).toEqual([{ router: "hap-1", acknowledgedEpoch: 4 }]);
    nowMs = 10_000;
    expect(await store.routerLeases()).toEqual([]);
  });

  test("are assumed after a start, because a router may still route by an older ticket", async () => {
    const store = newStore(["hap-1"]);
    expect(await store.routerLeases()).toEqual([{ router: "hap-1", acknowledgedEpoch: 0 }]);
    nowMs = 10_000;
    expect(await store.routerLeases()).toEqual([]);
  });
});

describe("a full disk", () => {
  const mounted = process.getuid?.() === 0;
  test.skipIf(!mounted)(
    `keeps the current document, and the error has the reason${mounted ? "" : " (skipped: needs root)"}`,
    async () => {
      const { message, sequence, leftOver } = await onSmallDisk("file-store-full-disk.ts", directory);
      expect(message).toBe(`cannot write ${file("record.json")}: no space left on device`);
      expect(sequence).toBe(1);
      expect(leftOver).toEqual([]);
    },
  );
});

test("a host keeps its own copy of the document, and refuses a corrupt one", async () => {
  const copy = createRecordCopy(file("copy/record-copy.json"));
  expect(await copy.read()).toBeNull();
  await copy.write(recordOf(5));
  expect(await copy.read()).toEqual(recordOf(5));
  await writeFile(file("copy/record-copy.json"), "{");
  await expect(copy.read()).rejects.toThrow(/record-copy\.json is damaged/);
});
