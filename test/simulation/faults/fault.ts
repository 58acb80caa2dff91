import type { Layout } from "../world/layout.ts";
import type { System } from "../world/system.ts";

/** Ends a fault. */
export type End = () => void;

/** Something that goes wrong for a while. */
export interface Fault {
  readonly name: string;
  /** How often it is picked, relative to the others. */
  readonly weight: number;
  /** The only kind of store that can have it; absent: it needs none. */
  readonly store?: Layout["store"];
  /** It disturbs etcd and nothing else, so traffic has to continue (invariant 10). */
  readonly onlyEtcd?: true;
  /** Returns how it ends; null: it could not begin, or ends by itself. */
  begin(system: System): End | null;
}

/** Runs `run` after `delayMs`, unless the returned function is called before. */
export function unlessOver({ world }: System, delayMs: number, run: () => void): End {
  let isOver = false;
  world.after(delayMs, () => {
    if (!isOver) run();
  });
  return () => {
    isOver = true;
  };
}

/** Flips something at once and then at random intervals, until the returned function is called. */
export function flapping({ world }: System, [fromMs, toMs]: readonly [number, number], flip: () => void): End {
  let isOver = false;
  const next = () => {
    if (isOver) return;
    flip();
    world.after(world.random.between(fromMs, toMs), next);
  };
  next();
  return () => {
    isOver = true;
  };
}
