import type { Addresses } from "../../../watchdog/config/address.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import { endpointState } from "../../../watchdog/core/endpoint-state.ts";
import type { Process } from "./process.ts";

const addresses: Addresses = { gra: { host: "gra", port: 9200 }, bhs: { host: "bhs", port: 9200 } };

/** A run of a watchdog, whose endpoint service applications ask. */
export interface EndpointService {
  readonly process: Process | null;
  readonly watchdog: Watchdog | null;
}

/** Regions that the endpoint services name now: those of dead and frozen watchdogs do not answer. */
export function namedRegions(services: readonly EndpointService[]): readonly string[] {
  const named: string[] = [];
  for (const { process, watchdog } of services) {
    if (watchdog === null || process === null || !process.isAlive || process.isFrozen) continue;
    const state = endpointState(watchdog.routing(), addresses);
    if (state.phase === "serving" && !named.includes(state.region)) named.push(state.region);
  }
  return named;
}
