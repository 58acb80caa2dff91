import path from "node:path";
import { systemClock } from "../adapters/clock.ts";
import { serveControlSocket } from "../adapters/control-socket.ts";
import { createElasticsearchCluster } from "../adapters/elasticsearch/cluster.ts";
import { createRecordCopy } from "../adapters/file-store/store.ts";
import { reasonOf } from "../adapters/files.ts";
import { createHaproxyRouter } from "../adapters/haproxy/router.ts";
import { createLogger } from "../adapters/log.ts";
import { type ServiceManager, serviceManager } from "../adapters/systemd.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import type { Cluster, Logger } from "../core/ports.ts";
import { createWatchdog, type Watchdog } from "../daemon/watchdog.ts";
import { createStore } from "./store.ts";
import { version } from "./version.ts";

/**
 * Runs the watchdog until SIGTERM or SIGINT. It leaves HAProxy's ticket in place when it ends: a watchdog that is back
 * before the ticket runs out renews it, so that a restart costs no request; one that stays away closes the router.
 *
 * @throws ConfigError, or an Error when the watchdog cannot start or breaks off
 */
export async function runWatchdog(configFile: string): Promise<void> {
  const loaded = await loadConfig(configFile);
  const { config } = loaded;
  const log = createLogger(config.logLevel, config.name);
  const services = serviceManager();
  const watchdog = compose(loaded, log);
  const stop = new AbortController();
  const control = await serveControlSocket(config.controlSocket, {
    "/status": () => watchdog.status(),
    "/explain": () => watchdog.explain(),
  });
  const unhook = hookSignals(stop, log);
  log.info({ version, configFile, controlSocket: config.controlSocket }, "watchdog starts");
  try {
    const running = watchdog.run(stop.signal);
    await Promise.race([running, services.ready("started")]);
    const reporting = reportToServiceManager(watchdog, services, stop.signal, log);
    await running;
    stop.abort();
    await reporting;
    log.info({}, "watchdog ended; the routing ticket is left to run out or to be renewed by the next start");
  } finally {
    unhook();
    await services.stopping().catch(() => {});
    await control.close();
  }
}

function compose({ config, elasticsearchPassword }: LoadedConfig, log: Logger): Watchdog {
  const clusters: Record<string, Cluster> = {};
  for (const [region, { nodes }] of Object.entries(config.regions)) {
    clusters[region] = createElasticsearchCluster({
      region,
      nodes,
      username: config.elasticsearch.username,
      password: elasticsearchPassword,
      caFile: config.elasticsearch.caFile,
      requestTimeoutMs: config.elasticsearch.requestTimeoutMs,
      managed: config.replication,
      probeTimeoutMs: config.checks.timeoutMs,
      unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
      unavailable: (where, kind) =>
        log.warn({ region: where, kind }, `${where} has no module for definitions of kind ${kind}: none are copied`),
    });
  }
  return createWatchdog({
    config,
    clusters,
    store: createStore(config, log),
    copy: createRecordCopy(path.join(config.stateDirectory, "record-copy.json")),
    router: createHaproxyRouter({ name: config.name, ...config.router }),
    clock: systemClock,
    log,
  });
}

function hookSignals(stop: AbortController, log: Logger): () => void {
  const end = (signal: NodeJS.Signals): void => {
    log.info({ signal }, "asked to stop");
    stop.abort();
  };
  const hangUp = (): void =>
    log.warn(
      {},
      "SIGHUP changes nothing: the configuration is read at start, `systemctl restart es-failover` applies it",
    );
  process.on("SIGTERM", end).on("SIGINT", end).on("SIGHUP", hangUp);
  return () => process.off("SIGTERM", end).off("SIGINT", end).off("SIGHUP", hangUp);
}

/** Signs of life are given only while every loop of the watchdog turns: a hung one is restarted by systemd. */
async function reportToServiceManager(
  watchdog: Watchdog,
  services: ServiceManager,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  // A third of what systemd allows, so that one lost message does no harm; 10 s for the status line alone.
  const intervalMs = services.watchdogIntervalMs === null ? 10_000 : services.watchdogIntervalMs / 3;
  let shown = "";
  while (!signal.aborted) {
    try {
      if (watchdog.isTurning()) await services.alive();
      else log.error({}, "a loop of the watchdog stands still: systemd is given no sign of life");
      const { summary } = watchdog.status();
      if (summary !== shown) await services.status(summary);
      shown = summary;
    } catch (error) {
      log.warn({ error: reasonOf(error) }, "the service manager could not be told");
    }
    await systemClock.sleep(intervalMs, signal).catch(() => {});
  }
}
