import { readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { createFileStore } from "../../watchdog/adapters/file-store/store.ts";
import { CommandLine } from "./support/command-line.ts";
import { WebhookReceiver } from "./support/receivers.ts";
import { historyEntry, stateRecord } from "./support/state-record.ts";

describe("es-failover with a target that does not answer", () => {
  let line: CommandLine;
  let port: number;
  let receiver: WebhookReceiver | null = null;

  /** Both regions are lost: a failover is refused. */
  beforeAll(async () => {
    port = await freePort();
    const [hook, chat] = ["hook", "chat"];
    line = await CommandLine.create({
      notifications: {
        refusedAfterMs: 1_000,
        targets: [
          { kind: "webhook", name: hook, url: `http://127.0.0.1:${port}/hook`, events: ["failover-refused"] },
          { kind: "slack", name: chat, urlFile: "/nonexistent/chat-url", events: ["failover"] },
        ],
      },
    });
    const store = createFileStore({
      directory: line.at("store"),
      clock: { monotonicMs: () => 0 },
      leaseTtlMs: 1_000,
      routers: [],
    });
    await store.write(stateRecord(7), null, historyEntry(7));
    await line.startWatchdog();
  }, 60_000);
  afterAll(async () => {
    await receiver?.close();
    await line?.remove();
  });

  const spool = () => readdir(line.at("state/notifications")).catch(() => []);

  test("shows in status what waits, why, and which file is missing, and keeps the message on disk", async () => {
    await eventually("an attempt has failed", 60_000, async () => {
      const { notifications } = await line.status();
      return (notifications?.targets[0]?.failed ?? 0) > 0;
    });
    const { out } = await line.run("status");
    expect(out).toMatch(/notifications +1 wait for hook: 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    expect(out).toMatch(
      /files +notifications\.targets\[1\]\.urlFile names \/nonexistent\/chat-url, which cannot be read/,
    );
    expect(out).toMatch(/^Notifications\n {2}hook +webhook +none sent since the start +1 WAITING, for /m);
    expect(await spool()).toEqual([expect.stringMatching(/^failover-refused-\d+\.json$/)]);
    const { code, err } = await line.run("check-config");
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("targets[1].urlFile names /nonexistent") });
  });

  test("and is killed: sends the message after the restart, once", async () => {
    await line.stopWatchdog("SIGKILL");
    const [file] = await spool();
    receiver = await WebhookReceiver.listen(null, port);
    const taken = receiver;
    await line.startWatchdog();
    await eventually("the message is there", 60_000, async () => taken.posted.length > 0);
    await eventually("the spool is empty", 30_000, async () => (await spool()).length === 0);
    // Some rounds later.
    await line.stopWatchdog();
    await line.startWatchdog();
    await eventually("it notices again", 30_000, async () => (await line.status()).notifications !== null);
    expect(taken.posted).toMatchObject([{ headers: { "idempotency-key": path.basename(file ?? "", ".json") } }]);
    expect(JSON.parse(taken.posted[0]?.body ?? "{}")).toMatchObject({
      kind: "failover-refused",
      severity: "critical",
      epoch: 7,
      active: "gra",
      title: "gra is lost, or may be, and no failover takes place",
    });
  });

  test("sends a test to one target or to all, and exits with 1 where one fails", async () => {
    expect(await line.run("notify", "--test", "hook")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^hook {2}webhook {2}delivered in \d/),
    });
    expect(receiver?.posted.at(-1)?.headers["es-failover-event"]).toBe("test");
    const { code, out } = await line.run("notify", "--test");
    expect({ code, out }).toEqual({
      code: 1,
      out: expect.stringMatching(/^hook +webhook +delivered in .*\nchat +slack +FAILED: .*\/nonexistent\/chat-url/),
    });
    expect(await line.run("notify", "--test", "pager")).toMatchObject({
      code: 4,
      err: "pager is no target of notifications.targets: name one of hook, chat\n",
    });
    expect(await line.run("notify")).toMatchObject({ code: 2 });
  });
});
