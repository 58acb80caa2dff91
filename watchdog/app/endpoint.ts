import { systemClock } from "../adapters/clock.ts";
import { Acknowledgements, type ApplicationsReport, applicationsReport } from "../applications/acknowledgements.ts";
import { EndpointActivity } from "../applications/endpoint/activity.ts";
import { type EndpointServer, type EndpointTls, serveEndpoint } from "../applications/endpoint/server.ts";
import { AcknowledgementSharing } from "../applications/endpoint/sharing.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Watchdog } from "../controller/watchdog.ts";
import { endpointState } from "../core/endpoint-state.ts";
import type { Live } from "../util/live.ts";
import type { Logger } from "../util/logger.ts";
import { runLoop } from "../util/loop.ts";
import { keepServing } from "./keep-serving.ts";
import type { Renewals } from "./renewals.ts";
import { serverTlsSource } from "./sources.ts";
import type { StoreConnection } from "./store.ts";

/** Interval at which acknowledgements are exchanged with the other watchdogs. */
const SHARING_INTERVAL_MS = 5_000;

export interface RunningEndpoint {
  /** The epoch that each application uses. */
  report(): ApplicationsReport;
  readonly activity: EndpointActivity;
  /** Ends when the signal given at the start has aborted. */
  readonly ended: Promise<void>;
}

export interface EndpointParts {
  readonly watchdog: Watchdog;
  readonly connection: StoreConnection;
  readonly renewals: Pick<Renewals, "add">;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Runs the endpoint service beside the watchdog; null when none is configured. */
export function runEndpoint(config: WatchdogConfig, parts: EndpointParts): RunningEndpoint | null {
  const { endpoint } = config;
  if (endpoint === null) return null;
  const { watchdog, connection, renewals, log, signal } = parts;
  let tls: Live<EndpointTls> | null = null;
  const acknowledgements = new Acknowledgements();
  const activity = new EndpointActivity();
  const currentState = () => endpointState(watchdog.routing(), endpoint.addresses);
  const serve = async (): Promise<EndpointServer> => {
    const { listen } = endpoint;
    const { certificateFile, keyFile } = endpoint;
    tls ??=
      certificateFile === null || keyFile === null
        ? null
        : await renewals.add(serverTlsSource("endpoint", { certificateFile, keyFile }));
    const isRunning = () => watchdog.isRunning();
    return serveEndpoint({
      listen,
      tls,
      site: config.site,
      currentState,
      isRunning,
      acknowledgements,
      activity,
      clock: systemClock,
    });
  };
  return {
    activity,
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
