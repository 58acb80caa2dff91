import type { Clock } from "./clock.ts";
import { messageOf } from "./errors.ts";

/** Settles like `work`, or rejects after `ms`: for a call that might not keep its own bound. */
export async function within<T>(clock: Clock, ms: number, what: string, work: Promise<T>): Promise<T> {
  const timer = Promise.withResolvers<void>();
  const cancel = clock.after(ms, timer.resolve);
  const deadline = timer.promise.then(() => Promise.reject(new Error(`${what} gave no answer within ${ms} ms`)));
  try {
    return await Promise.race([work, deadline]);
  } finally {
    cancel();
  }
}

/**
 * Runs `work` for every item, at most `limit` at once, and continues after failures. Returns the failures, each as a
 * sentence that begins with the item's name.
 */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  nameOf: (item: T) => string,
  work: (item: T) => Promise<void>,
): Promise<readonly string[]> {
  const failures: string[] = [];
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) {
      try {
        await work(item);
      } catch (error) {
        failures.push(`${nameOf(item)}: ${messageOf(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return failures;
}

/** The results of `work` for every item, in their order, at most `limit` at once. Rejects with the first failure. */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [position, item] of queue) results[position] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** Runs tasks one after another in the order of the calls, also after failures. */
export function serially(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const run = last.then(task, task);
    last = run.catch(() => {});
    return run;
  };
}
