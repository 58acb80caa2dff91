import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import { type Ailments, wellAilments } from "../world/cluster.ts";
import { type Region, regions, type SimRegions } from "../world/regions.ts";
import type { SimRouter } from "../world/router.ts";
import type { Host, Process, World } from "../world/world.ts";

/** Something that goes wrong for a while. `begin` returns how it ends; null: it could not begin, or ends by itself. */
export interface Fault<System> {
  readonly name: string;
  readonly weight: number;
  begin(system: System): (() => void) | null;
}

export const gra = (): Region => "gra";
export const bhs = (): Region => "bhs";
export const either = ({ world }: SimRegions): Region => world.random.pick(regions);

/** Something is wrong with a cluster itself. */
export function ailing(
  name: string,
  weight: number,
  region: (system: SimRegions) => Region,
  change: (system: SimRegions) => Partial<Ailments>,
): Fault<SimRegions> {
  return {
    name,
    weight,
    begin: (system) => {
      const { ailments } = system.cluster(region(system));
      const changes = change(system);
      Object.assign(ailments, changes);
      const well = wellAilments();
      return () => {
        for (const key of Object.keys(changes) as (keyof Ailments)[]) Object.assign(ailments, { [key]: well[key] });
      };
    },
  };
}

/** A host with a watchdog, and where there is one, the HAProxy beside it. */
export interface FaultyHost {
  readonly host: Host;
  readonly config: WatchdogConfig;
  readonly router: SimRouter | null;
  readonly process: Process | null;
  /** While its power is off nothing starts it. */
  readonly isOff?: boolean;
  /** Until then a clock that was set back may still be unnoticed: a second fault of the same host has to wait. */
  clockUnsettledUntilMs: number;
}

/** Whether a fault of this host may begin: one at a time while a clock that was set back may be unnoticed. */
export const isClockSettled = ({ nowMs }: World, { clockUnsettledUntilMs }: FaultyHost) =>
  nowMs >= clockUnsettledUntilMs;

/** What stands still: the watchdog's process alone, HAProxy too, or the host with its clock. */
export interface Frozen {
  readonly router: boolean;
  readonly suspended: boolean;
}

/** Freezes a process; returns what thaws it. */
export function freeze(world: World, place: FaultyHost, process: Process, what: Frozen): () => void {
  const { host, config, router } = place;
  const sinceMs = world.nowMs;
  process.freeze();
  if (what.router && router !== null) router.isFrozen = true;
  return () => {
    const frozenMs = world.nowMs - sinceMs;
    if (what.suspended) host.suspendedMs += frozenMs;
    if (what.router && router !== null && !place.isOff) router.isFrozen = false;
    // A little over the tolerance, so that what it must notice is never a matter of rounding.
    if (frozenMs > config.leases.marginMs + 1_000) process.doubtfulSinceMs = world.nowMs;
    process.thaw();
  };
}

/** Nothing else is wrong with the watchdog's process or its HAProxy, so that it notices what happens to its clock. */
export const isUndisturbed = ({ process, router }: FaultyHost): boolean =>
  process?.isAlive === true &&
  process.diesAt === null &&
  !process.isFrozen &&
  !router?.isDeaf &&
  (router?.isLateBy ?? 0) === 0;

/**
 * Sets a host's clock forward, or where it may go back, back; it may take `noticedWithinMs` to notice the latter. Until
 * then HAProxy takes an old ticket for a new one; the lease is still there meanwhile.
 */
export function setClock(world: World, place: FaultyHost, mayGoBack: boolean, noticedWithinMs: number): void {
  const { host, process, config } = place;
  const jumpMs = world.random.pick([-3_600_000, -20_000, -1_500, 1_500, 20_000, 3_600_000]);
  if (jumpMs < 0 && !mayGoBack) return;
  host.wallOffsetMs += jumpMs;
  if (process !== null && Math.abs(jumpMs) > config.leases.marginMs) process.doubtfulSinceMs = world.nowMs;
  if (jumpMs < 0) place.clockUnsettledUntilMs = world.nowMs + noticedWithinMs;
}
