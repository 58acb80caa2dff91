/** Steps per turn of the event loop. The loop itself costs more than a step of a history. */
const STEPS_PER_TURN = 50;

/**
 * Repeats `step` until it returns false, and first lets what the caller has settled run. Before each step every microtask that was
 * due has run, and rejections that no one handles are reported, as Node does between two callbacks of setImmediate.
 */
export function inTurns(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const one = () => {
      if (isOver) return;
      try {
        if (step()) return;
        resolve();
      } catch (error) {
        reject(error);
      }
      isOver = true;
    };
    const turn = () => {
      for (let n = 0; n < STEPS_PER_TURN; n += 1) setImmediate(one);
      setImmediate(() => {
        if (!isOver) turn();
      });
    };
    turn();
  });
}
