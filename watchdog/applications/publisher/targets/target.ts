import type { EndpointState } from "../../../core/endpoint-state.ts";

/** A place where the endpoint is published. */
export interface Target {
  /** For people: a file's path, `etcd /prefix/`, `Consul key`. */
  readonly name: string;
  /**
   * Makes the place say what holds; does nothing where it does already, so it may be called again and again.
   *
   * @param isCurrent false once there is something newer to be published
   * @throws Error that says what stands in the way
   */
  publish(state: PublishableState, isCurrent: () => boolean): Promise<Outcome>;
}

/** What is known for sure: "unknown" is never published. */
export type PublishableState = Exclude<EndpointState, { phase: "unknown" }>;

export interface Outcome {
  /** In a sentence, for `status`. */
  readonly summary: string;
  /** The epoch that its readers are known to use; null where nobody can tell. */
  readonly usedEpoch: number | null;
  /** Not done yet, for a reason that is nobody's fault: looked at again soon. */
  readonly waitingFor: string | null;
  /** What people should know although it was done. */
  readonly warnings: readonly string[];
}

/** A place says more than is known here: it is left as it is. */
export class HigherEpoch extends Error {
  constructor(where: string, found: number, known: number) {
    super(
      `${where} says epoch ${found}, but epoch ${known} is the newest known here: left as it is; ` +
        "if the higher one is wrong, take it out there by hand",
    );
  }
}
