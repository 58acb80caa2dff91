import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { etcdNotificationBoard } from "../../watchdog/adapters/etcd/notification-board.ts";
import { runNotifications } from "../../watchdog/app/notifications.ts";
import { type NotificationSettings, notificationsSchema } from "../../watchdog/config/notifications.ts";
import { emptyBoard } from "../../watchdog/core/notifications/board.ts";
import type { NotificationBoard } from "../../watchdog/core/ports/notification-board.ts";
import { etcdCommand } from "./support/etcd-cluster.ts";
import { WebhookReceiver } from "./support/receivers.ts";
import { type BesideParts, SeveralWatchdogs, sites } from "./support/several-watchdogs.ts";

const kindsAt = ({ posted }: WebhookReceiver) => posted.map(({ headers }) => headers["es-failover-event"]);

const skipped = (await etcdCommand()) === null;

describe.skipIf(skipped)("three watchdogs on real etcd (skipped where set-up has not brought etcd)", () => {
  let all: SeveralWatchdogs;
  let receiver: WebhookReceiver;
  let directory: string;
  let settings: NotificationSettings;
  let board: NotificationBoard | null = null;
  const logged: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-notified-"));
    receiver = await WebhookReceiver.listen(null);
    const hook = { kind: "webhook", name: "hook", url: receiver.url };
    settings = notificationsSchema.parse({ targets: [hook], notReadyAfterMs: 20_000, readyAfterMs: 1_000 });
    all = await SeveralWatchdogs.start({}, notifying);
    await all.untilSettled();
  }, 120_000);
  beforeEach(async () => {
    await untilAllIsTold();
    receiver.posted.length = 0;
  }, 120_000);
  afterAll(async () => {
    await all?.stop();
    await receiver?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Nothing waits, and protection counts as given: watchdogs that start slowly have told of it as lost. */
  const untilAllIsTold = () =>
    eventually("all is told, and protection is given", 60_000, async () => {
      const { view, entries } = (await board?.read())?.board ?? emptyBoard;
      const isKnown = view?.readiness.ready === true && view.readiness.differsSinceMs === null;
      return isKnown && entries.every(({ open }) => Object.keys(open).length === 0);
    });

  /** What the program runs beside its watchdog. */
  async function notifying({ config, ...parts }: BesideParts): Promise<void> {
    const { etcd } = parts.connection;
    if (config.name === "witness" && etcd !== null) board = etcdNotificationBoard(etcd.client, etcd.prefix);
    const line = (_fields: object, message: string) => logged.push(`${config.name}: ${message}`);
    const log = { debug: line, info: line, warn: line, error: line };
    const stateDirectory = path.join(directory, config.name);
    const running = await runNotifications(
      { ...config, stateDirectory, notifications: settings },
      { ...parts, log, aloneAfterMs: 20_000 },
    );
    await running?.ended;
  }

  test("tell of a store that is lost, each of them under the same id", async () => {
    await Promise.all(all.etcd.members.map((member) => member.kill()));
    await all.until("all three told", 120_000, () => receiver.posted.length >= 3);
    expect(new Set(receiver.posted.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    expect(JSON.parse(receiver.posted[0]?.body ?? "{}").text).toMatch(/store does not answer, so nothing is decided/i);
    await all.etcd.heal();
    await all.until("protection is back", 60_000, () => kindsAt(receiver).includes("ready"));
    expect(kindsAt(receiver).toSorted()).toEqual(["not-ready", "not-ready", "not-ready", "ready"]);
  }, 240_000);

  test("send one message about one failover, although the controller is replaced meanwhile", async () => {
    receiver.status = 503;
    const first = all.controller() ?? "gra";
    all.clusters.gra.isLost = true;
    await all.until("bhs serves", 60_000, () => {
      const now = all.record();
      return now?.phase === "serving" && now.active === "bhs";
    });
    await all.until("the message was refused", 30_000, () => kindsAt(receiver).includes("failover"));
    await all.stopOne(first);
    await all.until("another one decides", 30_000, () => ![undefined, first].includes(all.controller()));
    receiver.posted.length = 0;
    receiver.status = 200;
    await all.until("the message is there", 60_000, () => kindsAt(receiver).includes("failover"));
    await all.startOne(first);
    await all.until("lost protection is told, too", 60_000, () => kindsAt(receiver).includes("not-ready"));
    expect(kindsAt(receiver).toSorted(), logged.join("\n")).toEqual(["failover", "not-ready"]);
    // No watchdog holds anything back that another one has sent.
    await Promise.all(
      sites.map((site) =>
        eventually(`${site} has sent or forgotten all`, 30_000, async () => {
          const names = await readdir(path.join(directory, site, "notifications")).catch(() => []);
          return names.filter((name) => name.endsWith(".json")).length === 0;
        }),
      ),
    );
  }, 240_000);
});
