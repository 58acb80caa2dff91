import type { FailsafeAnswer, Peers } from "../../../watchdog/core/failsafe.ts";
import type { Network } from "./network.ts";
import type { Process } from "./process.ts";
import type { Station } from "./station.ts";

const TIMEOUT_MS = 1_000;

export interface FailsafeNetwork {
  readonly network: Network;
  /** Failsafe grants that watchdogs gave. */
  grants: number;
  station(site: string): Station;
}

/** The failsafe endpoints of the other watchdogs, as a process asks them. */
export const failsafePeers = (system: FailsafeNetwork, { site }: Station, process: Process): Peers => ({
  ask: (url, question) => {
    const other = system.station(new URL(url).hostname);
    const failure = () => new Error(`${other.site}: no answer in time`);
    const options = { from: site, to: other.site, timeoutMs: TIMEOUT_MS, failure };
    return system.network.call(process, options, () => {
      const { watchdog, process: answering } = other;
      if (other.isOff || watchdog === null || !answering?.isAlive) {
        return Promise.reject(new Error(`${other.site}: refused`));
      }
      return new Promise<FailsafeAnswer>((resolve) => {
        answering.deliver(() => {
          const answer = watchdog.answerFailsafe(question);
          if (answer.agrees) system.grants += 1;
          resolve(answer);
        });
      });
    });
  },
});
