import { otherRegion, regions } from "../world/layout.ts";
import type { System } from "../world/system.ts";

const ROUND_MS = 200;

/** Since when the leaders of followers are gone, whatever any watchdog observes. Virtual times. */
export class AbsentLeaders {
  readonly #sinceMs = new Map<string, number>();

  constructor(system: System) {
    const { world, clusters } = system;
    world.every(ROUND_MS, () => {
      for (const region of regions) {
        const led = clusters[otherRegion(region)].indices;
        for (const { uuid, following } of clusters[region].indices.values()) {
          if (following === null || led.has(following.leaderIndex)) this.#sinceMs.delete(uuid);
          else if (!this.#sinceMs.has(uuid)) this.#sinceMs.set(uuid, world.nowMs);
        }
      }
    });
  }

  /** By the follower's UUID; null while its leader is there. */
  sinceMs(uuid: string): number | null {
    return this.#sinceMs.get(uuid) ?? null;
  }
}
