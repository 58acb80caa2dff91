import type { Turn } from "../../traffic/ledger.ts";
import type { ReadBacks } from "./account.ts";
import type { Return, Salvaged, Switchover } from "./failback.ts";
import type { FailoverRun } from "./failover.ts";

/** A failover, the return of the region that was lost, and the way home, as measured. */
export interface RoundTrip {
  readonly failover: FailoverRun;
  readonly back: Return;
  readonly salvaged: Salvaged;
  readonly switchover: Switchover;
  readonly readBacks: ReadBacks;
  readonly writesAcknowledged: number;
  /** Which region accepted writes when, in the order of the acknowledgements. */
  readonly turns: readonly Turn[];
}
