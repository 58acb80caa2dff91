import type { Coordination } from "../core/ports/coordination.ts";
import type { Member } from "../core/state/record.ts";
import type { WatchdogReport } from "../core/state/report.ts";
import type { Clock } from "../util/clock.ts";

/** Term of a sole watchdog's leadership, which it renews by campaigning like any other. */
const SOLE_TERM_MS = 60_000;

/** Coordination of a watchdog without others (file store): it is always the controller, and reads its own report. */
export function soleCoordination(clock: Clock): Coordination {
  let own: WatchdogReport | null = null;
  const members = new Map<string, Member>();
  return {
    publish: async (report) => {
      own = report;
    },
    reports: async () => (own === null ? [] : [own]),
    campaign: async () => ({ leading: true, untilMonotonicMs: clock.monotonicMs() + SOLE_TERM_MS }),
    resign: async () => {},
    register: async (self) => {
      members.set(self.name, self);
    },
    members: async () => [...members.values()],
    forget: async (name) => {
      members.delete(name);
    },
  };
}
