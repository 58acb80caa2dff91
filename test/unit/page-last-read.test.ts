import { describe, expect, test } from "vitest";
import { LastReadCell } from "../../watchdog/page/last-read.ts";

/** A clock that the test moves; a sleeper wakes only when its patience is given up. */
function handClock() {
  let now = 0;
  const sleepers: (() => void)[] = [];
  return {
    monotonicMs: () => now,
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        sleepers.push(resolve);
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
    pass: (ms: number) => (now += ms),
    endPatience: () => sleepers.splice(0).forEach((wake) => void wake()),
  };
}

describe("the last value of a source", () => {
  test("is read once for all readers, and again when it is too old or of another version", async () => {
    let reads = 0;
    const clock = handClock();
    const cell = new LastReadCell({ read: async () => ++reads, maxAgeMs: 1_000, clock });
    await Promise.all([cell.refresh("1"), cell.refresh("1"), cell.refresh("1")]);
    clock.pass(999);
    await cell.refresh("1");
    expect(reads).toBe(1);
    await cell.refresh("2");
    expect(reads).toBe(2);
    clock.pass(1_000);
    await cell.refresh("2");
    expect(cell.last).toEqual({ value: 3, error: null });
  });

  test("stays, with the reason, when the source fails", async () => {
    const clock = handClock();
    const answers = [async () => "first", () => Promise.reject(new Error("etcd is gone"))];
    const cell = new LastReadCell({
      read: () => answers.shift()?.() ?? Promise.resolve("later"),
      maxAgeMs: 1_000,
      clock,
    });
    await cell.refresh();
    clock.pass(1_000);
    await cell.refresh();
    expect(cell.last).toEqual({ value: "first", error: "etcd is gone" });
    clock.pass(1_000);
    await cell.refresh();
    expect(cell.last).toEqual({ value: "later", error: null });
  });

  test("is not waited for when the source does not answer", async () => {
    const clock = handClock();
    const cell = new LastReadCell({ read: () => new Promise<string>(() => {}), maxAgeMs: 1_000, clock });
    const refreshed = cell.refresh();
    clock.endPatience();
    await refreshed;
    expect(cell.last).toEqual({ value: null, error: null });
  });
});
