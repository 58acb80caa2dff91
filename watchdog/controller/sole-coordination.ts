import type { Coordination } from "../core/ports/coordination.ts";
import type { Member } from "../core/state/record.ts";
import type { WatchdogReport } from "../core/state/report.ts";
import type { Clock } from "../util/clock.ts";

/** The least time for which a sole watchdog leads at a time, so that its daemon campaigns as any other does. */
const soleTermMs = 60_000;

/** Coordination of a watchdog that is alone (file store): it always leads, and sees what it published itself. */
export function soleCoordination(clock: Clock): Coordination {
  let own: WatchdogReport | null = null;
  const known = new Map<string, Member>();
  return {
    publish: async (sighting) => {
      own = sighting;
    },
    reports: async () => (own === null ? [] : [own]),
    campaign: async () => ({ leading: true, untilMonotonicMs: clock.monotonicMs() + soleTermMs }),
    resign: async () => {},
    register: async (self) => {
      known.set(self.name, self);
    },
    members: async () => [...known.values()],
    forget: async (name) => {
      known.delete(name);
    },
  };
}
