import { readFile } from "node:fs/promises";
import { systemClock } from "../adapters/clock.ts";
import { Acknowledgements, type ApplicationsReport, applicationsReport } from "../applications/acknowledgements.ts";
import { type EndpointServer, serveEndpoint } from "../applications/endpoint/server.ts";
import { AcknowledgementSharing } from "../applications/endpoint/sharing.ts";
import type { EndpointServiceSettings } from "../config/applications.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Watchdog } from "../controller/watchdog.ts";
import { endpointState } from "../core/endpoint-state.ts";
import type { Logger } from "../util/logger.ts";
import { runLoop } from "../util/loop.ts";
import { keepServing } from "./keep-serving.ts";
import type { StoreConnection } from "./store.ts";

/** Interval at which acknowledgements are exchanged with the other watchdogs. */
const SHARING_INTERVAL_MS = 5_000;

export interface RunningEndpoint {
  /** The epoch that each application uses. */
  report(): ApplicationsReport;
  /** Ends when the signal given at the start has aborted. */
  readonly ended: Promise<void>;
}

export interface EndpointParts {
  readonly watchdog: Watchdog;
  readonly connection: StoreConnection;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Runs the endpoint service beside the watchdog; null when none is configured. */
export function runEndpoint(config: WatchdogConfig, parts: EndpointParts): RunningEndpoint | null {
  const { endpoint } = config;
  if (endpoint === null) return null;
  const { watchdog, connection, log, signal } = parts;
  const acknowledgements = new Acknowledgements();
  const currentState = () => endpointState(watchdog.routing(), endpoint.addresses);
  const serve = async (): Promise<EndpointServer> => {
    const { listen } = endpoint;
    const tls = await readTls(endpoint);
    const isRunning = () => watchdog.isRunning();
    return serveEndpoint({
      listen,
      tls,
      site: config.site,
      currentState,
      isRunning,
      acknowledgements,
      clock: systemClock,
    });
  };
  return {
    report: () => {
      const { record } = watchdog.routing();
      const servingEpoch = record?.phase === "serving" ? record.epoch : null;
      return applicationsReport(acknowledgements.all(systemClock.nowMs()), servingEpoch);
    },
    ended: Promise.all([
      keepServing({ event: "endpoint", name: "the endpoint service", serve }, log, signal),
      shareAcknowledgements(acknowledgements, config.name, { connection, log, signal }),
    ]).then(() => {}),
  };
}

async function shareAcknowledgements(
  acknowledgements: Acknowledgements,
  watchdog: string,
  { connection, log, signal }: Pick<EndpointParts, "connection" | "log" | "signal">,
): Promise<void> {
  if (connection.etcd === null) return;
  const sharing = new AcknowledgementSharing({ ...connection.etcd, watchdog, acknowledgements, clock: systemClock });
  await runLoop(
    { name: "acknowledgements", intervalMs: () => SHARING_INTERVAL_MS, round: () => sharing.round() },
    { clock: systemClock, log, signal },
  );
}

async function readTls({ certificateFile, keyFile }: EndpointServiceSettings) {
  if (certificateFile === null || keyFile === null) return null;
  const [cert, key] = await Promise.all([readFile(certificateFile, "utf8"), readFile(keyFile, "utf8")]);
  return { cert, key };
}
