import type { Station } from "../world/station.ts";
import type { System } from "../world/system.ts";
import type { End, Fault } from "./fault.ts";

/** How soon at the latest a watchdog notices that its clock was set back. */
const CLOCK_NOTICED_MS_MAX = 4_000;

const clockJumpsMs = [-3_600_000, -20_000, -1_500, 1_500, 20_000, 3_600_000];

/** One fault of a host at a time while a clock that was set back may be unnoticed. */
export const isClockSettled = ({ world }: System, { clockUnsettledUntilMs }: Station) =>
  world.nowMs >= clockUnsettledUntilMs;

/** A station to which a fault may happen; null: none now. */
export function anyStation(system: System): Station | null {
  const station = system.world.random.pick(system.stations);
  return isClockSettled(system, station) ? station : null;
}

/** What stops: the watchdog's process alone, HAProxy too, or the host with its clock. */
type Frozen = "watchdog" | "host" | "suspended host";

function freeze(system: System, what: Frozen): End | null {
  const station = anyStation(system);
  if (station?.process == null) return null;
  const { process, router, host, config, isOff } = station;
  if (!process.isAlive || process.isFrozen || isOff) return null;
  const { world } = system;
  const sinceMs = world.nowMs;
  process.freeze();
  if (what !== "watchdog" && router !== null) router.isFrozen = true;
  return () => {
    const frozenMs = world.nowMs - sinceMs;
    if (what === "suspended host") host.suspendedMs += frozenMs;
    if (what !== "watchdog" && router !== null && !station.isOff) router.isFrozen = false;
    // Somewhat over the tolerance of the self-check, so that rounding never decides.
    if (frozenMs > config.leases.marginMs + 1_000) process.untrustedSinceMs = world.nowMs;
    process.thaw();
  };
}

/**
 * Whether a clock may be set back: nothing else is wrong with the host, so its watchdog notices in time, and HAProxy has
 * no ticket that is over. Such a ticket is a known limit: it would be valid again until the watchdog notices.
 */
const mayGoBack = ({ process, router }: Station): boolean =>
  process?.isAlive === true &&
  process.diesAt === null &&
  !process.isFrozen &&
  !router?.isDeaf &&
  !router?.hasExpiredTicket() &&
  (router?.lateByMs ?? 0) === 0;

/**
 * Sets a host's clock. Until the watchdog notices that it was set back, HAProxy takes an old ticket for a new one; the
 * lease is still there meanwhile.
 */
function setClock(system: System): void {
  const { world } = system;
  const station = world.random.pick(system.stations);
  const jumpMs = world.random.pick(clockJumpsMs);
  if (jumpMs < 0 && !mayGoBack(station)) return;
  const { host, process, config } = station;
  host.wallOffsetMs += jumpMs;
  if (process !== null && Math.abs(jumpMs) > config.leases.marginMs) process.untrustedSinceMs = world.nowMs;
  if (jumpMs < 0) station.clockUnsettledUntilMs = world.nowMs + CLOCK_NOTICED_MS_MAX;
}

export const hostFaults: readonly Fault[] = [
  {
    name: "a watchdog is killed",
    weight: 4,
    begin: (system) => {
      const station = anyStation(system);
      if (station === null) return null;
      system.kill(station);
      return () => system.restartAfter(station, 0);
    },
  },
  {
    name: "a watchdog restarts at once",
    weight: 5,
    begin: (system) => {
      const station = anyStation(system);
      if (station === null || station.process?.isFrozen) return null;
      system.kill(station);
      system.restartAfter(station, system.world.random.between(50, 2_000));
      return null;
    },
  },
  {
    name: "a watchdog dies in the middle of a call",
    weight: 6,
    begin: (system) => {
      const process = anyStation(system)?.process;
      const { random } = system.world;
      if (process != null) process.diesAt = { call: random.between(1, 60), when: random.pick(["before", "after"]) };
      return null;
    },
  },
  { name: "a watchdog is frozen", weight: 4, begin: (system) => freeze(system, "watchdog") },
  { name: "a host is frozen", weight: 3, begin: (system) => freeze(system, "host") },
  { name: "a host is suspended", weight: 3, begin: (system) => freeze(system, "suspended host") },
  {
    name: "a clock is set",
    weight: 2,
    begin: (system) => {
      setClock(system);
      return null;
    },
  },
];
