import { expect, test } from "vitest";
import { runStep } from "../../watchdog/controller/steps/runner.ts";
import type { StepContext } from "../../watchdog/controller/steps/step.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { IndexState } from "../../watchdog/core/state/cluster.ts";
import { stepOf } from "../../watchdog/core/state/plan.ts";
import { config, index, promotedUpTo } from "./core-fixtures.ts";
import { VirtualTime } from "./support/virtual-time.ts";

const UNFOLLOW_TIMEOUT_MS = 15_000;

/** A region whose unfollow converts at once and never answers, as when the leader's region has lost power. */
class SilentRegion {
  readonly #time: VirtualTime;
  readonly #lookTakesMs: number;
  readonly #indices: Map<string, IndexState>;
  waiting = 0;
  waitingMax = 0;
  looks = 0;
  looksAtOnceMax = 0;
  #looking = 0;

  constructor(time: VirtualTime, names: readonly string[], lookTakesMs: number) {
    this.#time = time;
    this.#lookTakesMs = lookTakesMs;
    this.#indices = new Map(names.map((name) => [name, index(name, { open: false, following: true })]));
  }

  port(): Partial<Cluster> {
    return {
      region: "bhs",
      indices: async () => {
        this.looks += 1;
        this.#looking += 1;
        this.looksAtOnceMax = Math.max(this.looksAtOnceMax, this.#looking);
        const seen = [...this.#indices.values()];
        await this.#time.sleep(this.#lookTakesMs);
        this.#looking -= 1;
        return seen;
      },
      unfollow: (name, signal) => {
        this.#indices.set(name, index(name, { open: false }));
        this.waiting += 1;
        this.waitingMax = Math.max(this.waitingMax, this.waiting);
        return new Promise((_, reject) => {
          let isOver = false;
          const end = (reason: string) => {
            if (!isOver) this.waiting -= 1;
            isOver = true;
            reject(new Error(reason));
          };
          signal?.addEventListener("abort", () => end("given up"), { once: true });
          this.#time.at(this.#time.monotonicMs() + UNFOLLOW_TIMEOUT_MS, () => end("no answer in time"));
        });
      },
    };
  }
}

async function unfollowAll(names: readonly string[], lookTakesMs: number) {
  const time = new VirtualTime();
  const region = new SilentRegion(time, names, lookTakesMs);
  const record = promotedUpTo("unfollow");
  const step = stepOf(record.plan, "unfollow");
  if (step === null) throw new Error("a promotion unfollows");
  const context: Partial<StepContext> = {
    cluster: region.port() as Cluster,
    record,
    config,
    clock: time,
    signal: new AbortController().signal,
    assertStillController: () => undefined,
  };
  await time.settle(runStep(context as StepContext, { ...step, indices: names }));
  return { region, tookMs: time.monotonicMs() };
}

const names = Array.from({ length: 200 }, (_, n) => `logs-${n}`);

test("hundreds of unanswered unfollows are not awaited, and leave no request open", async () => {
  const { region, tookMs } = await unfollowAll(names, 50);
  expect(region.waiting).toBe(0);
  expect(region.waitingMax).toBeLessThanOrEqual(config.promotion.parallelism);
  const rounds = Math.ceil(names.length / config.promotion.parallelism);
  expect(tookMs).toBeLessThan(rounds * 1_000);
});

test("a region that is slow to list its indices is polled by one request at a time, with pauses in between", async () => {
  const lookTakesMs = 1_000;
  const { region, tookMs } = await unfollowAll(names.slice(0, 40), lookTakesMs);
  expect(region.looksAtOnceMax).toBe(1);
  // The first and the last poll are not part of the wait.
  expect((region.looks - 2) * 2 * lookTakesMs).toBeLessThan(tookMs);
});
