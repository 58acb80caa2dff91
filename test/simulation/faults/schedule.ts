import type { System } from "../world/system.ts";
import { faults } from "./all.ts";
import type { End, Fault } from "./fault.ts";

export interface Schedule {
  /** Only these faults; absent: any. */
  readonly names?: readonly string[] | undefined;
  readonly count: number;
  /** When the next fault begins, and how long it lasts: drawn for each. */
  readonly beginsAtMs: () => number;
  readonly lastsMs: () => number;
  /** Called for each fault that has begun and has an end. */
  readonly onBegin?: (fault: Fault) => void;
}

/** Puts faults on the clock; returns what ends all that are not over. */
export function scheduleFaults(system: System, schedule: Schedule): End {
  const { world } = system;
  const ends = new Set<End>();
  for (let n = schedule.count; n > 0; n -= 1) {
    world.after(schedule.beginsAtMs(), () => {
      const fault = pickFault(system, schedule.names);
      const end = fault.begin(system);
      system.note(`fault: ${fault.name}`);
      if (fault.onlyEtcd !== true) system.isOnlyEtcdDisturbed = false;
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

/** One of the faults that this system can have, by weight. */
function pickFault({ world, layout }: System, names: readonly string[] | undefined): Fault {
  const candidates = faults.filter(
    ({ name, store }) => (names?.includes(name) ?? true) && (store === undefined || store === layout.store),
  );
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let left = world.random.next() * total;
  for (const fault of candidates) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  throw new Error(`${layout.name}: none of these faults: ${names?.join()}`);
}
