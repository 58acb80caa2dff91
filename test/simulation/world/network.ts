import type { Process, World } from "./world.ts";

export const sites = ["gra", "bhs", "witness"] as const;
export type Site = (typeof sites)[number];

/** One direction between two sites. */
export type Way = readonly [from: Site, to: Site];

export const bothWays = ([a, b]: readonly [Site, Site]): readonly Way[] => [
  [a, b],
  [b, a],
];

/** All ways from and to a site. */
export const isolated = (site: Site): readonly Way[] =>
  sites.filter((other) => other !== site).flatMap((other) => bothWays([site, other]));

export interface CallOptions {
  readonly from: Site;
  readonly to: Site;
  /** After so long without an answer the caller gives up. */
  readonly timeoutMs: number;
  /** What it says then. */
  readonly failure: () => Error;
}

/** One way over the ocean, and within a site. */
const OCEAN_MS = 45;
const SITE_MS = 0;
/** TCP sends again what was lost: a delay, as long as not everything is. */
const RESEND_MS = [200, 1_200] as const;

/** The ways between the sites, each direction for itself. */
export class Network {
  readonly #world: World;
  readonly #cuts = new Map<string, number>();
  /** Share of packets lost between sites, and the longest extra delay. Set by faults. */
  loss = 0;
  jitterMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Cuts one direction; returns what heals it. Several cuts of one way heal one by one. */
  cut(from: Site, to: Site): () => void {
    const way = `${from}>${to}`;
    this.#cuts.set(way, (this.#cuts.get(way) ?? 0) + 1);
    return () => this.#cuts.set(way, (this.#cuts.get(way) ?? 0) - 1);
  }

  /** Cuts several directions; returns what heals them all. */
  cutAll(ways: readonly Way[]): () => void {
    const heal = ways.map(([from, to]) => this.cut(from, to));
    return () => {
      for (const end of heal) end();
    };
  }

  isCut(from: Site, to: Site): boolean {
    return (this.#cuts.get(`${from}>${to}`) ?? 0) > 0;
  }

  /** Whether two sites can talk: a question and its answer come through. */
  talk(a: Site, b: Site): boolean {
    return a === b || !(this.isCut(a, b) || this.isCut(b, a));
  }

  isDisturbed(): boolean {
    return this.loss > 0 || this.jitterMs > 0 || [...this.#cuts.values()].some((cuts) => cuts > 0);
  }

  /** How long a message takes; null: it never comes. */
  leg(from: Site, to: Site): number | null {
    if (from === to) return SITE_MS;
    if (this.isCut(from, to)) return null;
    const { random } = this.#world;
    let takesMs = OCEAN_MS + (this.jitterMs > 0 ? random.between(0, this.jitterMs) : 0);
    if (this.loss > 0 && random.chance(this.loss)) {
      if (random.chance(this.loss)) return null;
      takesMs += random.between(...RESEND_MS);
    }
    return takesMs;
  }

  /**
   * A request of a process to a site: `work` begins when it arrives there, whether or not its sender still lives, and may
   * have taken effect although no answer came back.
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
        const backMs = this.leg(to, from);
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
      const thereMs = this.leg(from, to);
      if (thereMs === 0) arrive();
      else if (thereMs !== null) world.after(thereMs, arrive);
    });
  }
}
