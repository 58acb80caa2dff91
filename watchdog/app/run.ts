import path from "node:path";
import { systemClock } from "../adapters/clock.ts";
import { serveControlSocket } from "../adapters/control-socket/server.ts";
import type { ElasticsearchCluster } from "../adapters/elasticsearch/cluster.ts";
import { createRecordCopy } from "../adapters/file-store/store.ts";
import { createHaproxyRouter } from "../adapters/haproxy/router.ts";
import { hookPrograms } from "../adapters/hooks.ts";
import { createLogger } from "../adapters/log.ts";
import { type ServiceManager, serviceManager } from "../adapters/systemd.ts";
import type { RegionName } from "../config/address.ts";
import { loadConfig } from "../config/load.ts";
import { hookFileViolations } from "../config/referenced-files.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { controlHandlers } from "../controller/control-api/handlers.ts";
import { createWatchdog, type Watchdog } from "../controller/watchdog.ts";
import type { Peers } from "../core/failsafe.ts";
import type { Entry } from "../core/ports/entry.ts";
import type { Salvage } from "../core/ports/salvage.ts";
import { reasonOf } from "../util/files.ts";
import type { Logger } from "../util/logger.ts";
import { version } from "../util/version.ts";
import { connectClusters, connectSalvage, renewedAccess } from "./clusters.ts";
import { runEndpoint } from "./endpoint.ts";
import { connectOwnEntry } from "./entry.ts";
import { runMetrics } from "./metrics.ts";
import { type RunningNotifications, runNotifications } from "./notifications.ts";
import { connectOthers } from "./others.ts";
import { runPage } from "./page.ts";
import { Renewals } from "./renewals.ts";
import { connectStore, type StoreConnection } from "./store.ts";
import { watchFiles } from "./watch-files.ts";

/**
 * Runs the watchdog until SIGTERM or SIGINT. At its end it leaves HAProxy's ticket: a restarted watchdog renews the ticket
 * before it expires, so that a restart costs no request; without a watchdog the router closes.
 *
 * @throws ConfigError, or an Error when the watchdog cannot start or fails
 */
export async function runWatchdog(configFile: string): Promise<void> {
  const stop = new AbortController();
  try {
    await runUntil(stop, configFile);
  } finally {
    // After a start that failed half-way what had begun would keep the process from ending.
    stop.abort();
  }
}

async function runUntil(stop: AbortController, configFile: string): Promise<void> {
  const loaded = await loadConfig(configFile);
  const { config } = loaded;
  const log = createLogger(config.logLevel, config.name);
  const services = serviceManager();
  const renewals = new Renewals(log);
  const renewed = { ...loaded, access: await renewedAccess(config, renewals) };
  const clusters = connectClusters(renewed, (region, kind) =>
    log.warn(
      { event: "definitions-unavailable", region, kind },
      `${region} has no module for definitions of kind ${kind}: none are copied`,
    ),
  );
  const connection = await connectStore(config, log, renewals);
  let running: Watchdog | null = null;
  let notifications: RunningNotifications | null = null;
  const others = await connectOthers(config, () => running?.situation().record ?? null, renewals);
  const entry = await connectOwnEntry(config, renewals);
  const hookFiles = watchFiles("hooks", () => hookFileViolations(config.hooks), {
    clock: systemClock,
    log,
    signal: stop.signal,
  });
  const salvage = connectSalvage(renewed, stop.signal, others?.copies);
  const watchdog = compose(config, {
    clusters,
    salvage,
    connection,
    entry,
    peers: others?.peers ?? null,
    fileProblems: () => [...renewals.problems(), ...(notifications?.fileProblems() ?? []), ...hookFiles.problems()],
    notifications: () => notifications,
    log,
  });
  running = watchdog;
  notifications = await runNotifications(config, { watchdog, connection, log, signal: stop.signal });
  const endpoint = runEndpoint(config, { watchdog, connection, renewals, log, signal: stop.signal });
  const applications = () => endpoint?.report() ?? null;
  const metrics = runMetrics(renewed, {
    watchdog,
    applications,
    endpoint: endpoint?.activity ?? null,
    renewals,
    log,
    signal: stop.signal,
  });
  const page = runPage(config, { watchdog, applications, renewals, log, signal: stop.signal });
  const calls = Object.values(controlHandlers(watchdog, config, applications, notifications));
  const control = await serveControlSocket(config.controlSocket, calls);
  const unhook = hookSignals(stop, log);
  let failsafe: { close(): Promise<void> } | undefined;
  try {
    failsafe = await others?.serve((question) => watchdog.answerFailsafe(question));
    log.info({ event: "start", version, configFile, controlSocket: config.controlSocket }, "watchdog starts");
    const ended = watchdog.run(stop.signal).finally(() => stop.abort());
    const renewing = renewals.run(systemClock, stop.signal);
    await Promise.all([ended, renewing, reportToServiceManager(watchdog, services, stop.signal, log)]);
    log.info({ event: "stopped" }, "watchdog ended; the routing ticket expires unless the watchdog starts again");
  } finally {
    unhook();
    stop.abort();
    await services.stopping().catch(() => {});
    await control.close();
    await failsafe?.close();
    await endpoint?.ended;
    await metrics;
    await page;
    await notifications?.ended;
    await hookFiles.ended;
    others?.close();
    connection.close();
    await entry?.close();
    await Promise.all([salvage.close(), ...Object.values(clusters).map((cluster) => cluster.close())]);
  }
}

interface Connections {
  readonly clusters: Readonly<Record<RegionName, ElasticsearchCluster>>;
  readonly salvage: Salvage;
  readonly connection: StoreConnection;
  readonly entry: Entry | null;
  readonly peers: Peers | null;
  readonly fileProblems: () => readonly string[];
  readonly notifications: () => RunningNotifications | null;
  readonly log: Logger;
}

function compose(
  config: WatchdogConfig,
  { clusters, salvage, connection, entry, peers, fileProblems, notifications, log }: Connections,
): Watchdog {
  const { store, operatorStore, coordination } = connection;
  return createWatchdog({
    config,
    clusters,
    salvage,
    store,
    operatorStore,
    coordination,
    peers,
    copy: createRecordCopy(path.join(config.stateDirectory, "record-copy.json")),
    router: config.router === null ? null : createHaproxyRouter({ name: config.name, ...config.router }),
    entry,
    hooks: hookPrograms,
    fileProblems,
    notifications: () => notifications()?.report() ?? null,
    clock: systemClock,
    log,
  });
}

function hookSignals(stop: AbortController, log: Logger): () => void {
  const end = (signal: NodeJS.Signals): void => {
    log.info({ event: "stopping", signal }, "stopping");
    stop.abort();
  };
  const hangUp = (): void =>
    log.warn(
      { event: "hang-up" },
      "SIGHUP is ignored: `systemctl restart es-failover` applies a changed configuration",
    );
  process.on("SIGTERM", end).on("SIGINT", end).on("SIGHUP", hangUp);
  return () => process.off("SIGTERM", end).off("SIGINT", end).off("SIGHUP", hangUp);
}

/** Sends heartbeats only while no loop is stuck: systemd restarts a watchdog that hangs. */
async function reportToServiceManager(
  watchdog: Watchdog,
  services: ServiceManager,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  // A third of what systemd allows, so that one lost message does no harm; 10 s when only the status line is sent.
  const intervalMs = services.watchdogIntervalMs === null ? 10_000 : services.watchdogIntervalMs / 3;
  let shown: string | null = null;
  while (!signal.aborted) {
    try {
      const { summary } = watchdog.status();
      if (shown === null) await services.ready(summary);
      else if (summary !== shown) await services.status(summary);
      shown = summary;
      if (watchdog.isRunning()) await services.alive();
      else log.error({ event: "loop-stuck" }, "a loop of the watchdog is stuck: no heartbeat is sent to systemd");
    } catch (error) {
      log.warn({ event: "service-manager", error: reasonOf(error) }, "cannot report to the service manager");
    }
    await systemClock.sleep(intervalMs, signal).catch(() => {});
  }
}
