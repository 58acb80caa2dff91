import path from "node:path";
import { systemClock } from "../adapters/clock.ts";
import { etcdNotificationBoard } from "../adapters/etcd/notification-board.ts";
import { fileNotificationBoard } from "../adapters/file-store/notification-board.ts";
import { notificationFileViolations } from "../config/referenced-files.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { NotificationsControl } from "../controller/control-api/handlers.ts";
import type { Watchdog } from "../controller/watchdog.ts";
import type { NotificationBoard } from "../core/ports/notification-board.ts";
import { Courier } from "../notifications/courier.ts";
import { sendTest } from "../notifications/send-test.ts";
import { SharedBoard } from "../notifications/shared-board.ts";
import { Spool } from "../notifications/spool.ts";
import { connectTarget } from "../notifications/targets/connect.ts";
import type { Logger } from "../util/logger.ts";
import { runLoop } from "../util/loop.ts";
import type { StoreConnection } from "./store.ts";
import { watchFiles } from "./watch-files.ts";

const INTERVAL_MS = 2_000;
/** An election of etcd takes seconds. */
const ALONE_AFTER_MS = 60_000;

export interface NotificationParts {
  readonly watchdog: Watchdog;
  readonly connection: StoreConnection;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** After how long without the store messages are sent without it; default: a minute. */
  readonly aloneAfterMs?: number;
}

export interface RunningNotifications extends NotificationsControl {
  /** Why targets could not be sent to, as sentences: files that they need. */
  fileProblems(): readonly string[];
  /** Ends when the signal given at the start has aborted. */
  readonly ended: Promise<void>;
}

/** Sends messages beside the watchdog, which never waits for them; null without targets. */
export async function runNotifications(
  config: WatchdogConfig,
  { watchdog, connection, log, signal, aloneAfterMs = ALONE_AFTER_MS }: NotificationParts,
): Promise<RunningNotifications | null> {
  const { notifications: settings } = config;
  if (settings.targets.length === 0) return null;
  const targets = settings.targets.map((target) => connectTarget(target, systemClock));
  const clock = systemClock;
  const courier = new Courier({
    watchdog: config.name,
    settings,
    targets,
    board: new SharedBoard(boardOf(config, connection), clock),
    spool: await Spool.open(path.join(config.stateDirectory, "notifications"), log),
    watched: () => watchedNow(watchdog),
    readiness: () => watchdog.readiness(),
    aloneAfterMs,
    clock,
    random: Math.random,
    log,
    signal,
  });
  const options = { clock, log, signal };
  const files = watchFiles("notifications", () => notificationFileViolations(settings), options);
  return {
    report: () => courier.report(),
    test: (name) =>
      sendTest(
        targets.filter(({ settings: { name: own } }) => name === null || own === name),
        config.name,
        clock,
        signal,
      ),
    fileProblems: files.problems,
    ended: Promise.all([
      runLoop({ name: "notifications", intervalMs: () => INTERVAL_MS, round: () => courier.round() }, options),
      files.ended,
    ]).then(() => courier.idle()),
  };
}

function boardOf({ store }: WatchdogConfig, { etcd }: StoreConnection): NotificationBoard {
  if (etcd !== null) return etcdNotificationBoard(etcd.client, etcd.prefix);
  if (store.kind === "file") return fileNotificationBoard(store.directory);
  throw new Error("a store that is neither a file nor etcd");
}

function watchedNow(watchdog: Watchdog) {
  const { record, seen } = watchdog.situation();
  return {
    record,
    ruling: watchdog.decision(),
    leadership: seen.leadership,
    isTrusted: seen.selfDoubt.length === 0,
  };
}
