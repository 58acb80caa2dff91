import type { RegionName } from "../../../watchdog/config/address.ts";
import type { Router, RoutingTicket } from "../../../watchdog/core/ports/router.ts";
import type { Host, Process } from "./process.ts";
import type { World } from "./world.ts";

/** HAProxy with its ticket map: it compares the map with its host's clock on each request, whatever the watchdog does. */
export class SimRouter {
  readonly host: Host;
  readonly #world: World;
  readonly #tickets = new Map<RegionName, number>();
  #highestEpoch = 0;
  isFrozen = false;
  /** Set by faults: the socket does not answer. */
  isDeaf = false;
  /** Set by faults: issuing a ticket gives no answer, and takes effect this much later. */
  lateByMs = 0;

  constructor(world: World, host: Host) {
    this.#world = world;
    this.host = host;
  }

  /** Regions to which a request that arrives now would be sent. */
  openRegions(): readonly RegionName[] {
    if (this.isFrozen) return [];
    return [...this.#tickets].filter(([, untilMs]) => untilMs > this.host.wallMs()).map(([region]) => region);
  }

  /** The region for one request, or null: answered with 503. */
  route(): RegionName | null {
    return this.openRegions()[0] ?? null;
  }

  /** Whether its map holds a ticket that is over, so that a clock that is set back would make it valid again. */
  hasExpiredTicket(): boolean {
    return [...this.#tickets.values()].some((untilMs) => untilMs <= this.host.wallMs());
  }

  port(process: Process, name: string): Router {
    const ask = <T>(effect: () => T): Promise<T> => {
      const delayMs = this.#world.random.chance(0.1) ? this.#world.random.between(1, 30) : 0;
      return process.call({ effectMs: delayMs, answerMs: this.isDeaf ? 1_000 : 0 }, () => {
        if (this.isDeaf || this.isFrozen) throw new Error("admin.sock: no answer");
        return effect();
      });
    };
    return {
      name,
      issueTicket: (ticket) => this.#issue(process, ticket, ask),
      close: (epoch) =>
        ask(() => {
          this.#highestEpoch = Math.max(this.#highestEpoch, epoch);
          this.#tickets.clear();
        }),
      state: () =>
        ask(() => ({
          tickets: [...this.#tickets].map(([region, validUntilMs]) => ({ region, validUntilMs })),
          servers: [],
        })),
    };
  }

  #issue(process: Process, ticket: RoutingTicket, ask: <T>(effect: () => T) => Promise<T>): Promise<void> {
    const put = () => {
      if (ticket.epoch < this.#highestEpoch) throw new Error(`ticket of epoch ${ticket.epoch} refused`);
      this.#highestEpoch = ticket.epoch;
      this.#tickets.clear();
      this.#tickets.set(ticket.region, ticket.validUntilMs);
    };
    if (this.lateByMs === 0) return ask(put);
    // The command waits in the socket's buffer: its sender gives up, yet HAProxy carries it out in the end, whatever
    // epoch the adapter knows by then.
    this.#world.after(this.lateByMs, () => {
      this.#tickets.clear();
      this.#tickets.set(ticket.region, ticket.validUntilMs);
    });
    return process.call({ effectMs: 1_000, answerMs: 0 }, () => {
      throw new Error("admin.sock: no answer");
    });
  }
}
