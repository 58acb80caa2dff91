import type { RegionName } from "../../../watchdog/config/address.ts";
import type { Router, RoutingTicket } from "../../../watchdog/core/ports/router.ts";
import type { Host, Process } from "./process.ts";
import type { World } from "./world.ts";

/** HAProxy with its ticket map: it compares the map with its host's clock on each request, whatever the watchdog does. */
export class SimRouter {
  readonly host: Host;
  readonly #world: World;
  /** The only one in its map: each new one empties the map first. */
  #ticket: Omit<RoutingTicket, "epoch"> | null = null;
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

  /** The region to which a request that arrives now would be sent, or null: answered with 503. */
  route(): RegionName | null {
    const ticket = this.#ticket;
    return ticket === null || this.isFrozen || ticket.validUntilMs <= this.host.wallMs() ? null : ticket.region;
  }

  /** Whether its map holds a ticket that is over, so that a clock that is set back would make it valid again. */
  hasExpiredTicket(): boolean {
    return this.#ticket !== null && this.#ticket.validUntilMs <= this.host.wallMs();
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
          this.#ticket = null;
        }),
      state: () => ask(() => ({ tickets: this.#ticket === null ? [] : [this.#ticket], servers: [], writes: [] })),
    };
  }

  #issue(
    process: Process,
    { epoch, ...ticket }: RoutingTicket,
    ask: <T>(effect: () => T) => Promise<T>,
  ): Promise<void> {
    const put = () => {
      if (epoch < this.#highestEpoch) throw new Error(`ticket of epoch ${epoch} refused`);
      this.#highestEpoch = epoch;
      this.#ticket = ticket;
    };
    if (this.lateByMs === 0) return ask(put);
    // The command waits in the socket's buffer: its sender gives up, yet HAProxy carries it out in the end, whatever
    // epoch the adapter knows by then.
    this.#world.after(this.lateByMs, () => {
      this.#ticket = ticket;
    });
    return process.call({ effectMs: 1_000, answerMs: 0 }, () => {
      throw new Error("admin.sock: no answer");
    });
  }
}
