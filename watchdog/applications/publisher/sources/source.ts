import type { EndpointState } from "../../../core/endpoint-state.ts";
import type { Combined } from "./combine.ts";

/** State of a source, for `publish status`. */
export interface SourceReport {
  readonly name: string;
  /** The last answer; null while it does not answer. */
  readonly state: EndpointState | null;
  readonly error: string | null;
  /** Time of the last answer; null: none yet. */
  readonly heardAtMs: number | null;
}

/** Where a publisher gets the state to publish. */
export interface Source {
  /** Passes on the combined state after every answer, until the signal aborts. */
  run(publish: (combined: Combined) => void, signal: AbortSignal): Promise<void>;
  report(): readonly SourceReport[];
}
