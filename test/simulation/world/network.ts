import type { Site } from "./layout.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** One direction between two sites. */
export type Direction = readonly [from: Site, to: Site];

export const bothWays = ([a, b]: readonly [Site, Site]): readonly Direction[] => [
  [a, b],
  [b, a],
];

/** Every direction from and to one of the sites. */
export const isolated = (site: Site, sites: readonly Site[]): readonly Direction[] =>
  sites.filter((other) => other !== site).flatMap((other) => bothWays([site, other]));

export interface CallOptions {
  readonly from: Site;
  readonly to: Site;
  /** After so long without an answer the caller gives up, with this error. */
  readonly timeoutMs: number;
  readonly failure: () => Error;
}

/** One way between two sites, and within one. */
const WAN_MS = 45;
const LAN_MS = 0;
/** TCP sends again what was lost, so a loss is a delay. */
const RESEND_MS = [200, 1_200] as const;

/** The links between the sites, each direction for itself. */
export class Network {
  readonly #world: World;
  readonly #cuts = new Map<string, number>();
  /** Share of packets lost between sites, and the longest extra delay. Set by faults. */
  loss = 0;
  jitterMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Cuts one direction; returns what heals it. Several cuts of one direction heal one by one. */
  cut(from: Site, to: Site): () => void {
    const direction = `${from}>${to}`;
    this.#cuts.set(direction, (this.#cuts.get(direction) ?? 0) + 1);
    return () => void this.#cuts.set(direction, (this.#cuts.get(direction) ?? 0) - 1);
  }

  /** Cuts several directions; returns what heals them all. */
  cutAll(directions: readonly Direction[]): () => void {
    const heal = directions.map(([from, to]) => this.cut(from, to));
    return () => {
      for (const end of heal) end();
    };
  }

  isCut(from: Site, to: Site): boolean {
    return (this.#cuts.get(`${from}>${to}`) ?? 0) > 0;
  }

  /** Whether a question and its answer get through. */
  talk(a: Site, b: Site): boolean {
    return a === b || !(this.isCut(a, b) || this.isCut(b, a));
  }

  /** How long a message takes; null: it never arrives. */
  latencyMs(from: Site, to: Site): number | null {
    if (from === to) return LAN_MS;
    if (this.isCut(from, to)) return null;
    const { random } = this.#world;
    let takesMs = WAN_MS + (this.jitterMs > 0 ? random.between(0, this.jitterMs) : 0);
    if (this.loss > 0 && random.chance(this.loss)) {
      if (random.chance(this.loss)) return null;
      takesMs += random.between(...RESEND_MS);
    }
    return takesMs;
  }

  /**
   * A request of a process to a site. `work` begins when the request arrives, whether or not its sender still lives, and
   * may take effect although no answer comes back.
   */
  call<T>(process: Process, { from, to, timeoutMs, failure }: CallOptions, work: () => Promise<T>): Promise<T> {
    if (process.diesNow("before")) return new Promise<T>(() => {});
    return new Promise<T>((resolve, reject) => {
      const world = this.#world;
      let isOver = false;
      const settle = (end: () => void) => {
        if (isOver) return;
        isOver = true;
        cancel();
        process.deliver(end);
      };
      const cancel = world.after(timeoutMs, () => settle(() => reject(failure())));
      const back = (end: () => void) => {
        if (process.diesNow("after")) return;
        const backMs = this.latencyMs(to, from);
        if (backMs === 0) settle(end);
        else if (backMs !== null) world.after(backMs, () => settle(end));
      };
      const arrive = () => {
        world.touch();
        work().then(
          (value) => back(() => resolve(value)),
          (error: unknown) => back(() => reject(error)),
        );
      };
      const thereMs = this.latencyMs(from, to);
      if (thereMs === 0) arrive();
      else if (thereMs !== null) world.after(thereMs, arrive);
    });
  }
}
