import { systemClock } from "../adapters/clock.ts";
import type { ApplicationsReport } from "../applications/acknowledgements.ts";
import type { Watchdog } from "../controller/watchdog.ts";
import { reasonOf } from "../util/files.ts";
import type { Logger } from "../util/logger.ts";
import type { Renewals } from "./renewals.ts";

/** Before a service is started again after a failure to listen, or to read a certificate. */
const RETRY_INTERVAL_MS = 5_000;

/** What a service beside the watchdog is made of. */
export interface ServiceParts {
  readonly watchdog: Watchdog;
  /** What applications reported to the endpoint service; null where none runs. */
  readonly applications: () => ApplicationsReport | null;
  readonly renewals: Pick<Renewals, "add">;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Server {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Runs a service beside the watchdog until the signal aborts. Its failures do not stop the watchdog: a port in use, for
 * example, is logged and tried again.
 *
 * @param event the log's event: "endpoint"; failures have "endpoint-error"
 * @param name for the log: "the endpoint service"
 */
export async function keepServing(
  {
    event,
    name,
    serve,
  }: { readonly event: "endpoint" | "metrics" | "page"; readonly name: string; readonly serve: () => Promise<Server> },
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const server = await serve();
      log.info({ event, port: server.port }, `${name} is listening`);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      await server.close();
    } catch (error) {
      log.error({ event: `${event}-error` as const, error: reasonOf(error) }, reasonOf(error));
      await systemClock.sleep(RETRY_INTERVAL_MS, signal).catch(() => {});
    }
  }
}
