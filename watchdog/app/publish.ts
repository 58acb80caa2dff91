import { hostname } from "node:os";
import { systemClock } from "../adapters/clock.ts";
import { serveControlSocket } from "../adapters/control-socket/server.ts";
import { EtcdClient } from "../adapters/etcd/client.ts";
import { etcdKeys } from "../adapters/etcd/keys.ts";
import { createLogger } from "../adapters/log.ts";
import { serviceManager } from "../adapters/systemd.ts";
import { publisherApi } from "../applications/publisher/api.ts";
import { Publisher } from "../applications/publisher/publisher.ts";
import { EtcdSource } from "../applications/publisher/sources/etcd.ts";
import { ServiceSource } from "../applications/publisher/sources/service.ts";
import type { Source } from "../applications/publisher/sources/source.ts";
import { ConsulTarget } from "../applications/publisher/targets/consul.ts";
import { EtcdKeysTarget } from "../applications/publisher/targets/etcd-keys.ts";
import { PendingNotifications } from "../applications/publisher/targets/pending.ts";
import type { Target } from "../applications/publisher/targets/target.ts";
import type { EtcdAccess, PublisherConfig } from "../config/applications.ts";
import { loadPublisherConfig } from "../config/load.ts";
import { reasonOf } from "../util/files.ts";
import { HttpClient } from "../util/http-client.ts";
import type { Logger } from "../util/logger.ts";
import { serveCall } from "../util/socket-api.ts";
import { version } from "../util/version.ts";
import { Renewals } from "./renewals.ts";
import { caSource, credentialsSource, mutualTlsSource, secretSource } from "./sources.ts";

/** A connection to close when the publisher ends. */
type Closable = { close(): void };

/** What all connections of the publisher share. */
interface Parts {
  readonly opened: Closable[];
  readonly renewals: Renewals;
}

/**
 * Runs the publisher until SIGTERM or SIGINT. Files and keys stay as they are when it ends.
 *
 * @throws ConfigError, or an Error when it cannot start
 */
export async function runPublisher(configFile: string): Promise<void> {
  const config = await loadPublisherConfig(configFile);
  const instance = config.instance ?? hostname();
  const log = createLogger(config.logLevel, instance);
  const opened: Closable[] = [];
  const renewals = new Renewals(log);
  const stop = new AbortController();
  const publisher = new Publisher({
    config,
    instance,
    source: await connectSource(config, { opened, renewals, log }),
    keys: await connectKeys(config, { opened, renewals }),
    notifications: await PendingNotifications.open(config.stateDirectory, (sentence) =>
      log.warn({ event: "notified-error" }, sentence),
    ),
    acknowledge: {
      urls: config.acknowledgeTo ?? (config.source.kind === "service" ? config.source.urls : []),
      client: await httpClient("publisher.source", config.source.caFile, { opened, renewals }),
    },
    clock: systemClock,
    log,
  });
  const control = await serveControlSocket(config.controlSocket, [
    serveCall(publisherApi.status, () => publisher.status()),
  ]);
  const end = (): void => stop.abort();
  process.on("SIGTERM", end).on("SIGINT", end);
  log.info({ event: "publisher-start", version, configFile, controlSocket: config.controlSocket }, "publisher starts");
  try {
    await Promise.all([
      publisher.run(stop.signal),
      renewals.run(systemClock, stop.signal),
      reportToServiceManager(publisher, stop.signal, log),
    ]);
    log.info({ event: "publisher-stopped" }, "publisher ended; files and keys stay as they are");
  } finally {
    process.off("SIGTERM", end).off("SIGINT", end);
    await control.close();
    for (const connection of opened) connection.close();
  }
}

async function connectSource(config: PublisherConfig, parts: Parts & { readonly log: Logger }): Promise<Source> {
  const { log } = parts;
  const { source } = config;
  if (source.kind === "service") {
    const client = await httpClient("publisher.source", source.caFile, parts);
    return new ServiceSource(source.urls, { client, clock: systemClock, log });
  }
  const { addresses, intervalMs, prefix } = source;
  const client = await etcdClient("publisher.source", source, parts);
  return new EtcdSource({ client, key: etcdKeys(prefix).record, addresses, intervalMs, clock: systemClock, log });
}

async function connectKeys({ etcd, consul }: PublisherConfig, parts: Parts): Promise<readonly Target[]> {
  const targets: Target[] = [];
  if (etcd !== null) {
    targets.push(new EtcdKeysTarget(await etcdClient("publisher.etcd", etcd, parts), etcd.prefix));
  }
  if (consul !== null) {
    const { tokenFile } = consul;
    const token =
      tokenFile === null ? null : await parts.renewals.add(secretSource("publisher.consul.tokenFile", tokenFile));
    targets.push(new ConsulTarget(consul, await httpClient("publisher.consul", consul.caFile, parts), token));
  }
  return targets;
}

async function httpClient(section: string, caFile: string | null, { opened, renewals }: Parts): Promise<HttpClient> {
  const client = new HttpClient(await renewals.add(caSource(section, caFile)));
  opened.push(client);
  return client;
}

async function etcdClient(section: string, access: EtcdAccess, { opened, renewals }: Parts): Promise<EtcdClient> {
  const client = new EtcdClient({
    endpoints: access.endpoints,
    tls: await renewals.add(mutualTlsSource(section, access)),
    credentials: await renewals.add(credentialsSource(section, access)),
    clock: systemClock,
  });
  opened.push(client);
  return client;
}

async function reportToServiceManager(publisher: Publisher, signal: AbortSignal, log: Logger): Promise<void> {
  const services = serviceManager();
  const intervalMs = services.watchdogIntervalMs === null ? 10_000 : services.watchdogIntervalMs / 3;
  let shown: string | null = null;
  while (!signal.aborted) {
    const { state, targets } = publisher.status();
    const failing = targets.filter(({ error }) => error !== null).length;
    const epoch = state === null ? "no epoch received yet" : `epoch ${state.epoch} is ${state.phase}`;
    const line = `${epoch}; ${failing} of ${targets.length} targets failing`;
    try {
      if (shown === null) await services.ready(line);
      else if (line !== shown) await services.status(line);
      await services.alive();
      shown = line;
    } catch (error) {
      log.warn({ event: "service-manager", error: reasonOf(error) }, "cannot report to the service manager");
    }
    await systemClock.sleep(intervalMs, signal).catch(() => {});
  }
}
