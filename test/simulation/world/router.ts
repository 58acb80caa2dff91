import type { RegionName } from "../../../watchdog/config/address.ts";
import type { Router, RoutingTicket } from "../../../watchdog/core/ports/router.ts";
import type { Host, Process, World } from "./world.ts";

/** HAProxy with its ticket map: compares the map with its host's clock on each request, whatever the watchdog does. */
export class SimRouter {
  readonly host: Host;
  readonly #world: World;
  readonly #tickets = new Map<RegionName, number>();
  #highestEpoch = 0;
  isFrozen = false;
  /** Set by faults: the socket answers nobody. */
  isDeaf = false;
  /** Set by faults: issuing a ticket gives no answer, and takes effect some time later. */
  isLateBy = 0;
  /** Requests routed, for the history's account. */
  routed = 0;

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
    if (this.isLateBy === 0) return ask(put);
    // The command sits in the socket's buffer; whoever sent it has given up, but it is carried out in the end,
    // whatever epoch the adapter has learned of since.
    this.#world.after(this.isLateBy, () => {
      this.#tickets.clear();
      this.#tickets.set(ticket.region, ticket.validUntilMs);
    });
    return process.call({ effectMs: 1_000, answerMs: 0 }, () => {
      throw new Error("admin.sock: no answer");
    });
  }
}
