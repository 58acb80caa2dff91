import type { Coordination } from "../../../watchdog/core/ports/coordination.ts";
import type { Store } from "../../../watchdog/core/ports/store.ts";
import type { Site } from "./layout.ts";
import type { Process } from "./process.ts";
import type { RecordCell } from "./record-cell.ts";

/** One run of a watchdog, as a client of the store. */
export interface StoreUser {
  readonly process: Process;
  readonly site: Site;
  readonly watchdog: string;
}

export interface Connection {
  readonly store: Store;
  /** null where the only watchdog needs none. */
  readonly coordination: Coordination | null;
}

/** The store of a layout: a file beside the only watchdog, or etcd. */
export interface SimStore {
  readonly cell: RecordCell;
  connect(user: StoreUser): Connection;
  /** A fault: it comes up empty. */
  wipe(): void;
}
