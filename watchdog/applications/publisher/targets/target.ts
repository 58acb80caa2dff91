import type { EndpointState } from "../../../core/endpoint-state.ts";

/** A destination of the endpoint. */
export interface Target {
  /** For people: the path of a file, `etcd /prefix/`, `Consul key`. */
  readonly name: string;
  /**
   * Publishes the state; does nothing if it is published already.
   *
   * @param isCurrent false once there is a newer state to publish
   * @throws Error with the reason
   */
  publish(state: PublishableState, isCurrent: () => boolean): Promise<Outcome>;
}

/** A certain state: "unknown" is never published. */
export type PublishableState = Exclude<EndpointState, { phase: "unknown" }>;

export interface Outcome {
  /** In a sentence, for `status`. */
  readonly summary: string;
  /** The epoch that the application is known to use; null: unknown. */
  readonly usedEpoch: number | null;
  /** The epoch that the application was notified of last; null: none, or none known. */
  readonly notifiedEpoch: number | null;
  /** Not complete yet, for a reason that is not an error; tried again at the next check. */
  readonly waitingFor: string | null;
  /** Problems of a successful publication that people should know. */
  readonly warnings: readonly string[];
}

/** The destination has a higher epoch than this publisher knows; it is left unchanged. */
export class HigherEpoch extends Error {
  constructor(where: string, found: number, known: number) {
    super(
      `${where} has epoch ${found}, but epoch ${known} is the newest known here: left unchanged; ` +
        "if the higher one is wrong, remove it there by hand",
    );
  }
}
