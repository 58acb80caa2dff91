import { systemClock } from "../adapters/clock.ts";
import { reasonOf } from "../util/files.ts";
import type { Logger } from "../util/logger.ts";

/** Before a service is started again after a failure to listen, or to read a certificate. */
const RETRY_INTERVAL_MS = 5_000;

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
  { event, name, serve }: { readonly event: string; readonly name: string; readonly serve: () => Promise<Server> },
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
      log.error({ event: `${event}-error`, error: reasonOf(error) }, reasonOf(error));
      await systemClock.sleep(RETRY_INTERVAL_MS, signal).catch(() => {});
    }
  }
}
