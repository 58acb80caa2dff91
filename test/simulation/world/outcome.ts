import type { World } from "./world.ts";

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export function outcomeOf<T>(effect: () => T): Outcome<T> {
  try {
    return { ok: true, value: effect() };
  } catch (error) {
    return { ok: false, error };
  }
}

export interface Delays {
  /** Until it takes effect, and from then until the answer. */
  readonly effectMs: number;
  readonly answerMs: number;
}

/** A server's work on one request, from any client. */
export function serve<T>(world: World, { effectMs, answerMs }: Delays, effect: () => T): Promise<T> {
  if (effectMs + answerMs === 0) {
    const outcome = outcomeOf(effect);
    return outcome.ok ? Promise.resolve(outcome.value) : Promise.reject(outcome.error);
  }
  return new Promise<T>((resolve, reject) => {
    world.after(effectMs, () => {
      const outcome = outcomeOf(effect);
      world.after(answerMs, () => {
        world.touch();
        if (outcome.ok) resolve(outcome.value);
        else reject(outcome.error);
      });
    });
  });
}
