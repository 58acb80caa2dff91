import { describe, expect, test } from "vitest";
import { SELF_CHECK_INTERVAL_MS, SelfCheck } from "../../watchdog/controller/self-check.ts";
import { forEachBounded, within } from "../../watchdog/util/concurrency.ts";
import { Wakeup } from "../../watchdog/util/wakeup.ts";
import { Host, Process } from "../simulation/world/process.ts";
import { World } from "../simulation/world/world.ts";

const start = () => {
  const world = new World(1);
  const host = new Host(world);
  return { world, host, clock: new Process(host).clock() };
};

describe("a wakeup", () => {
  const waitFor = (wakeup: Wakeup, ms: number, signal = new AbortController().signal) => {
    const { world, clock } = start();
    const ended = { atMs: null as number | null, error: null as unknown };
    wakeup.wait(clock, ms, signal).then(
      () => {
        ended.atMs = world.nowMs;
      },
      (error: unknown) => {
        ended.error = error;
      },
    );
    return { world, ended };
  };

  test("ends a wait after its time", async () => {
    const { world, ended } = waitFor(new Wakeup(), 500);
    await world.runUntil(1_000);
    expect(ended.atMs).toBe(500);
  });

  test("ends a wait at once, and only one later wait when none was under way", async () => {
    const wakeup = new Wakeup();
    wakeup.trigger();
    const first = waitFor(wakeup, 500);
    await first.world.runUntil(1_000);
    expect(first.ended.atMs).toBe(0);
    const second = waitFor(wakeup, 500);
    await second.world.runUntil(1_000);
    expect(second.ended.atMs).toBe(500);
  });

  test("ends with the signal's reason when the watchdog stops", async () => {
    const stop = new AbortController();
    const { world, ended } = waitFor(new Wakeup(), 500, stop.signal);
    world.after(100, () => {
      stop.abort(new Error("stopping"));
      world.touch();
    });
    await world.runUntil(1_000);
    expect(ended).toMatchObject({ atMs: null, error: { message: "stopping" } });
  });
});

describe("bounds", () => {
  test("a call without an answer ends with a sentence", async () => {
    const { world, clock } = start();
    const call = within(clock, 800, "the probe", new Promise(() => {}));
    const rejected = expect(call).rejects.toThrow("the probe gave no answer within 800 ms");
    await world.runUntil(1_000);
    await rejected;
  });

  test("no more requests run at once than allowed, and the others continue after a failure", async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const failures = await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, String, async (n) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      if (n === 2) throw new Error("refused");
      done.push(n);
    });
    expect(most).toBe(3);
    expect(done.toSorted()).toEqual([1, 3, 4, 5, 6, 7]);
    expect(failures).toEqual(["2: refused"]);
  });
});

describe("the self-check", () => {
  const beating = () => {
    const { world, host, clock } = start();
    const self = new SelfCheck(clock, { toleranceMs: 2_000, holdMs: 3_000 });
    world.every(SELF_CHECK_INTERVAL_MS, () => self.heartbeat());
    return { world, host, self };
  };

  test("passes while heartbeats come and the clocks agree", async () => {
    const { world, self } = beating();
    await world.runUntil(60_000);
    expect(self.blockers()).toEqual([]);
  });

  test("fails on a stall before the next heartbeat, and passes again after the hold time", async () => {
    const { world, clock } = start();
    const self = new SelfCheck(clock, { toleranceMs: 2_000, holdMs: 3_000 });
    await world.runUntil(9_000);
    expect(self.blockers().join()).toMatch(/the process stalled for 8500 ms; waiting 3.0 s more/);
    self.heartbeat();
    world.every(SELF_CHECK_INTERVAL_MS, () => self.heartbeat());
    await world.runUntil(11_900);
    expect(self.blockers()).toHaveLength(1);
    await world.runUntil(12_600);
    expect(self.blockers()).toEqual([]);
  });

  test.each([
    [
      "set forward",
      (host: Host) => {
        host.wallOffsetMs += 5_000;
      },
      5_000,
    ],
    [
      "set back",
      (host: Host) => {
        host.wallOffsetMs -= 5_000;
      },
      -5_000,
    ],
    [
      "ahead after the host was suspended",
      (host: Host) => {
        host.suspendedMs += 5_000;
      },
      5_000,
    ],
  ])("fails when the clock is %s, and reports the jump once", async (_what, change, byMs) => {
    const { world, host, self } = beating();
    await world.runUntil(5_000);
    change(host);
    expect(self.blockers().join()).toContain(`jumped by ${byMs} ms`);
    expect([self.takeClockJump(), self.takeClockJump()]).toEqual([true, false]);
  });

  test("passes when the clock is corrected in small steps", async () => {
    const { world, host, self } = beating();
    world.every(SELF_CHECK_INTERVAL_MS, () => {
      host.wallOffsetMs += 50;
    });
    await world.runUntil(60_000);
    expect(self.blockers()).toEqual([]);
  });
});
