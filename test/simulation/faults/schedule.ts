import type { SimRegions } from "../world/regions.ts";
import type { Fault } from "./fault.ts";

/** The faults of one history. Times are drawn anew for each fault. */
export interface Schedule<System> {
  readonly faults: readonly Fault<System>[];
  /** Only these of them; undefined: any. */
  readonly names: readonly string[] | undefined;
  readonly count: number;
  readonly beginsAtMs: () => number;
  readonly lastsMs: () => number;
  /** Told of each that has begun and has an end. */
  readonly onBegin?: (fault: Fault<System>) => void;
}

/** Puts faults on the clock; returns what ends all that are not over. */
export function scheduleFaults<System extends SimRegions>(system: System, schedule: Schedule<System>): () => void {
  const { world } = system;
  const ends = new Set<() => void>();
  for (let n = schedule.count; n > 0; n -= 1) {
    world.after(schedule.beginsAtMs(), () => {
      const fault = pickFault(system, schedule);
      const end = fault.begin(system);
      system.note(`fault: ${fault.name}`);
      if (end === null) return;
      const endOnce = () => {
        if (!ends.delete(endOnce)) return;
        system.note(`over: ${fault.name}`);
        end();
      };
      ends.add(endOnce);
      const lastsMs = schedule.lastsMs();
      schedule.onBegin?.(fault);
      world.after(lastsMs, endOnce);
    });
  }
  return () => {
    for (const end of [...ends]) end();
  };
}

/** One of the faults, by weight. */
function pickFault<System extends SimRegions>(
  { world }: System,
  { faults, names }: Pick<Schedule<System>, "faults" | "names">,
): Fault<System> {
  const candidates = names === undefined ? faults : faults.filter(({ name }) => names.includes(name));
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let left = world.random.next() * total;
  for (const fault of candidates) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  throw new Error(`no fault among ${names?.join()}`);
}
