import { Agent, type AgentOptions } from "node:https";
import type { Live } from "./live.ts";

/** Longer than a request of most users of an agent. */
const LINGER_MS = 60_000;

/**
 * An HTTPS agent whose certificates may be replaced: later requests make connections with the new ones, and those under way
 * end on theirs.
 */
export class RenewableAgent {
  #agent: Agent;
  readonly #earlier = new Set<Agent>();

  constructor(
    tls: Live<{ readonly ca?: string; readonly cert?: string; readonly key?: string }>,
    options: AgentOptions,
    lingerMs = LINGER_MS,
  ) {
    const create = () => new Agent({ keepAlive: true, minVersion: "TLSv1.2", ...options, ...tls.current });
    this.#agent = create();
    tls.listen(() => {
      const earlier = this.#agent;
      this.#agent = create();
      this.#earlier.add(earlier);
      setTimeout(() => {
        earlier.destroy();
        this.#earlier.delete(earlier);
      }, lingerMs).unref();
    });
  }

  get current(): Agent {
    return this.#agent;
  }

  destroy(): void {
    for (const agent of [this.#agent, ...this.#earlier]) agent.destroy();
  }
}
