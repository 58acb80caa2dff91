import type { RegionName } from "../../config/address.ts";
import type { RegionWrites } from "../state/write-pause.ts";

/** Permission for HAProxy to route to one region until a wall-clock time, issued under an epoch. */
export interface RoutingTicket {
  readonly epoch: number;
  readonly region: RegionName;
  /** Wall clock, milliseconds since 1970: HAProxy compares it with its own clock. */
  readonly validUntilMs: number;
}

export interface RouterState {
  /** Tickets in HAProxy's own map; a region without a time in the future is closed. */
  readonly tickets: readonly { readonly region: RegionName; readonly validUntilMs: number }[];
  readonly servers: readonly { readonly region: RegionName; readonly name: string; readonly up: boolean }[];
  /** Of the regions that have acknowledged a write since HAProxy started or was reloaded. */
  readonly writes: readonly RegionWrites[];
}

/** The HAProxy beside this watchdog. Methods throw an error that names the socket or file. */
export interface Router {
  readonly name: string;
  /**
   * Opens one region and closes every other in one atomic change of HAProxy's map, and writes the same to disk, never
   * newer than the map. Refuses a ticket whose epoch is lower than the highest it has seen, also over restarts.
   */
  issueTicket(ticket: RoutingTicket): Promise<void>;
  /** Empties all tickets in HAProxy and on disk, cuts the sessions to `regions`, and returns once it has read back both. */
  close(epoch: number, regions: readonly RegionName[]): Promise<void>;
  state(): Promise<RouterState>;
}
