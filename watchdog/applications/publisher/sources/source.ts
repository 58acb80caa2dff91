import type { EndpointState } from "../../../core/endpoint-state.ts";
import type { Combined } from "./combine.ts";

/** One place that is asked, for `status`. */
export interface SourceReport {
  readonly name: string;
  /** What it said last; null while it is silent. */
  readonly state: EndpointState | null;
  readonly error: string | null;
  readonly heardAtMs: number | null;
}

/** Where a publisher learns what to publish. */
export interface Source {
  /** Tells what holds whenever something new is heard, until the signal aborts. */
  run(tell: (combined: Combined) => void, signal: AbortSignal): Promise<void>;
  report(): readonly SourceReport[];
}
