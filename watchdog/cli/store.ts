import { systemClock } from "../adapters/clock.ts";
import { createFileStore } from "../adapters/file-store/store.ts";
import { reasonOf } from "../adapters/files.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Logger, Store } from "../core/ports.ts";

/** The store that the configuration names. */
export function createStore(config: WatchdogConfig, log: Pick<Logger, "warn">): Store {
  return createFileStore({
    directory: config.store.directory,
    clock: systemClock,
    leaseTtlMs: config.router.leaseTtlMs,
    routers: [config.name],
    historyFailed: (error) => log.warn({ error: reasonOf(error) }, "the history could not be written"),
  });
}
