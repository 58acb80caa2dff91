import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { notificationsSchema } from "../../watchdog/config/notifications.ts";
import { type Board, emptyBoard, MAX_ENTRIES, withEvents } from "../../watchdog/core/notifications/board.ts";
import type { Notification } from "../../watchdog/core/notifications/event.ts";
import { firstView } from "../../watchdog/core/notifications/view.ts";
import type { NotificationBoard } from "../../watchdog/core/ports/notification-board.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { Courier } from "../../watchdog/notifications/courier.ts";
import { SharedBoard } from "../../watchdog/notifications/shared-board.ts";
import { Spool } from "../../watchdog/notifications/spool.ts";
import type { Target } from "../../watchdog/notifications/targets/target.ts";
import type { Logger } from "../../watchdog/util/logger.ts";
import { afterFailover, NOW_MS, serving } from "./core-fixtures.ts";
import { sampleEvent } from "./support/notifications.ts";

const MINUTE = 60_000;
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const settings = notificationsSchema.parse({
  targets: [
    { name: "chat", kind: "command", command: ["/bin/true"] },
    { name: "mail", kind: "command", command: ["/bin/true"], minSeverity: "critical" },
  ],
});

/** What every watchdog shares: the store, the time, the state, and the targets. */
class World {
  nowMs = NOW_MS;
  record: StateRecord = serving();
  readiness = { ready: true, explanation: "bhs would take over" };
  leader: string | null = "gra";
  isStoreAway = false;
  board: Board = emptyBoard;
  revision = 0;
  /** Messages that a target took, as "target id by watchdog". */
  readonly received: string[] = [];
  readonly down = new Set<string>();
  /** Awaited by each message on its way. */
  gate: Promise<void> = Promise.resolve();

  port(): NotificationBoard {
    const answering = () => {
      if (this.isStoreAway) throw new Error("etcd does not answer");
    };
    return {
      read: async () => {
        answering();
        return { board: this.board, revision: String(this.revision) };
      },
      write: async (board, expected) => {
        answering();
        if (expected !== String(this.revision)) return "conflict";
        this.board = board;
        this.revision += 1;
        return "written";
      },
    };
  }

  targets(watchdog: string): readonly Target[] {
    return settings.targets.map((target) => ({
      settings: target,
      send: async ({ id }: Notification) => {
        await this.gate;
        if (this.down.has(target.name)) throw new Error("connection refused");
        this.received.push(`${target.name} ${id} by ${watchdog}`);
      },
    }));
  }
}

let world: World;
let directory: string;
beforeEach(async () => {
  world = new World();
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-courier-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A watchdog's courier; a second one of the same name is the watchdog after a restart. */
async function courier(watchdog: string): Promise<Courier> {
  const clock = { nowMs: () => world.nowMs, monotonicMs: () => world.nowMs };
  return new Courier({
    watchdog,
    settings,
    targets: world.targets(watchdog),
    spool: await Spool.open(path.join(directory, watchdog), silent),
    board: new SharedBoard(world.port(), clock),
    watched: () => ({
      record: world.record,
      ruling: { rule: "steady", explanation: "a region serves" },
      leadership: { leading: world.leader === watchdog, leader: world.leader },
      isTrusted: true,
    }),
    readiness: () => world.readiness,
    aloneAfterMs: MINUTE,
    clock,
    random: () => 0,
    log: silent,
    signal: new AbortController().signal,
  });
}

/** A round of each, and the end of what it began. */
async function rounds(...couriers: readonly Courier[]): Promise<void> {
  for (const each of couriers) await each.round();
  for (const each of couriers) await each.idle();
}

const spooled = async (watchdog: string) => {
  const names = await readdir(path.join(directory, watchdog)).catch(() => []);
  return names.filter((name) => name.endsWith(".json"));
};

const failoverId = `failover-${NOW_MS}`;

describe("messages of several watchdogs", () => {
  test("one event is one message to each target, from the controller", async () => {
    const [gra, bhs] = [await courier("gra"), await courier("bhs")];
    await rounds(gra, bhs);
    world.record = afterFailover();
    await rounds(gra, bhs, gra, bhs);
    world.nowMs += 10 * MINUTE;
    await rounds(gra, bhs);
    expect(world.received.toSorted()).toEqual([`chat ${failoverId} by gra`, `mail ${failoverId} by gra`]);
    expect(await spooled("gra")).toEqual([]);
    expect(gra.report().targets).toMatchObject([
      { name: "chat", delivered: 1, pending: 0, oldestPendingAtMs: null },
      { name: "mail", delivered: 1, pending: 0 },
    ]);
  });

  test("a controller that dies after it has noticed an event is replaced by the next one, which sends it", async () => {
    const [gra, bhs] = [await courier("gra"), await courier("bhs")];
    await rounds(gra, bhs);
    world.record = afterFailover();
    // It is on the board, and its message never leaves.
    world.gate = new Promise(() => {});
    await gra.round();
    await vi.waitFor(() => expect(world.board.entries[0]?.open["mail"]?.by).toBe("gra"));
    world.gate = Promise.resolve();
    world.leader = "bhs";
    await rounds(bhs);
    expect(world.received, "gra may be sending it still").toEqual([]);
    world.nowMs += MINUTE;
    await rounds(bhs);
    expect(world.received.toSorted()).toEqual([`chat ${failoverId} by bhs`, `mail ${failoverId} by bhs`]);
  });

  test("a watchdog that was killed sends what is in its spool after the restart, unless another one did", async () => {
    const gra = await courier("gra");
    await rounds(gra);
    world.record = afterFailover();
    world.down.add("chat").add("mail");
    await rounds(gra);
    expect(await spooled("gra")).toEqual([`${failoverId}.json`]);
    expect((await stat(path.join(directory, "gra", `${failoverId}.json`))).mode & 0o777).toBe(0o600);
    expect(gra.report().targets).toMatchObject([
      { failed: 1, pending: 1, error: "connection refused" },
      { pending: 1 },
    ]);

    world.down.clear();
    world.leader = "bhs";
    // Sooner than a claim ends: gra has given its own back.
    world.nowMs += 1_000;
    world.down.add("mail");
    await rounds(await courier("bhs"));
    expect(world.received).toEqual([`chat ${failoverId} by bhs`]);
    world.down.clear();
    world.nowMs += MINUTE;
    await rounds(await courier("gra"));
    expect(world.received).toEqual([`chat ${failoverId} by bhs`, `mail ${failoverId} by gra`]);
  });

  test("another watchdog helps where the controller has no way to a target", async () => {
    const [gra, bhs] = [await courier("gra"), await courier("bhs")];
    await rounds(gra, bhs);
    world.record = afterFailover();
    world.down.add("chat");
    await rounds(gra, bhs);
    world.nowMs += 6 * MINUTE;
    world.down.clear();
    await rounds(bhs);
    expect(world.received).toContain(`chat ${failoverId} by bhs`);
    await rounds(gra);
    expect(await spooled("gra")).toEqual([]);
    expect(world.received).toHaveLength(2);
  });

  test("the loss of every controller is told once, by whichever watchdog notices it", async () => {
    const [gra, bhs] = [await courier("gra"), await courier("bhs")];
    await rounds(gra, bhs);
    world.leader = null;
    await rounds(gra, bhs);
    world.nowMs += 11 * MINUTE;
    await rounds(gra, bhs);
    world.nowMs += 6 * MINUTE;
    await rounds(gra, bhs);
    expect(world.received).toEqual([expect.stringMatching(/^chat not-ready-\d+ by (gra|bhs)$/)]);
  });
});

describe("while the store is away", () => {
  test("what was noticed before is sent after a minute", async () => {
    const gra = await courier("gra");
    await rounds(gra);
    world.record = afterFailover();
    world.down.add("chat").add("mail");
    await rounds(gra);
    world.down.clear();
    world.isStoreAway = true;
    world.nowMs += 10_000;
    await rounds(gra);
    expect(world.received).toEqual([]);
    world.nowMs += MINUTE;
    await rounds(gra);
    expect(world.received.toSorted()).toEqual([`chat ${failoverId} by gra`, `mail ${failoverId} by gra`]);
    world.isStoreAway = false;
    world.nowMs += MINUTE;
    await rounds(gra, await courier("bhs"));
    expect(world.received).toHaveLength(2);
    expect(await spooled("gra")).toEqual([]);
  });

  test("each watchdog tells of that under the same id, and the end is told once", async () => {
    const [gra, bhs] = [await courier("gra"), await courier("bhs")];
    await rounds(gra, bhs);
    world.isStoreAway = true;
    await rounds(gra, bhs);
    world.nowMs += 11 * MINUTE;
    await rounds(gra, bhs);
    const id = `not-ready-${NOW_MS}`;
    expect(world.received).toEqual([`chat ${id} by gra`, `chat ${id} by bhs`]);

    world.isStoreAway = false;
    await rounds(gra, bhs);
    world.nowMs += 2 * MINUTE;
    await rounds(gra, bhs);
    world.nowMs += 2 * MINUTE;
    await rounds(gra, bhs);
    expect(world.received.slice(2)).toEqual([expect.stringMatching(/^chat ready-\d+ by gra$/)]);
    expect(world.board.view?.readiness.ready).toBe(true);
    expect([await spooled("gra"), await spooled("bhs")]).toEqual([[], []]);
  });
});

describe("a target that does not take messages", () => {
  test("is tried ever more rarely, holds no other one up, and is given up after a day", async () => {
    const gra = await courier("gra");
    await rounds(gra);
    world.record = afterFailover();
    world.down.add("chat");
    await rounds(gra);
    expect(world.received).toEqual([`mail ${failoverId} by gra`]);
    for (let second = 0; second < 60; second += 5) {
      world.nowMs += 5_000;
      await rounds(gra);
    }
    // At 0, 5, 15 and 35 s.
    expect(gra.report().targets[0]).toMatchObject({ failed: 4, pending: 1, oldestPendingAtMs: NOW_MS });
    world.nowMs += 24 * 60 * MINUTE;
    await rounds(gra);
    expect(gra.report().targets[0]).toMatchObject({ givenUp: 1, pending: 0 });
    world.down.clear();
    await rounds(gra, await courier("bhs"));
    expect(world.received).toHaveLength(1);
  });
});

describe("the board and the spool are bounded", () => {
  test("the board keeps the newest events, each once", () => {
    const view = firstView({ record: null, ruling: null, readiness: null, nowMs: NOW_MS, watchdog: "gra" });
    let board = emptyBoard;
    for (let n = 0; n < MAX_ENTRIES + 5; n += 1) {
      const events = [sampleEvent({ id: `failover-${n}` })];
      board = withEvents(board, view, events, () => ["chat"]);
      board = withEvents(board, view, events, () => ["chat"]);
    }
    expect(board.entries.map(({ event }) => event.id)).toEqual(
      Array.from({ length: MAX_ENTRIES }, (_, n) => `failover-${n + 5}`),
    );
    // Of a request of 1.5 MiB, which etcd takes without a setting.
    const full = {
      ...board,
      entries: board.entries.map((entry) => ({ ...entry, event: sampleEvent({ text: "x".repeat(3_000) }) })),
    };
    expect(JSON.stringify(full).length).toBeLessThan(200_000);
  });

  test("the spool keeps the newest hundred, ignores what is no message, and survives a disk that fails", async () => {
    const warn = vi.fn();
    const spool = await Spool.open(path.join(directory, "s"), { warn });
    const open = { attempts: 0, nextAttemptAtMs: 0, error: null, isSent: false };
    for (let n = 0; n < 101; n += 1) {
      const event = sampleEvent({ id: `failover-${n}`, atMs: NOW_MS + n });
      await spool.put({ event, alone: null, targets: { chat: open } });
    }
    expect(await spooled("s")).toHaveLength(100);
    expect(spool.get("failover-0")).toBeNull();
    await writeFile(path.join(directory, "s", "broken.json"), "{");
    const again = await Spool.open(path.join(directory, "s"), { warn });
    expect(again.items()).toHaveLength(100);

    await writeFile(path.join(directory, "file"), "");
    const failing = await Spool.open(path.join(directory, "file", "below"), { warn });
    await failing.put({ event: sampleEvent(), alone: null, targets: { chat: open } });
    expect(failing.items()).toHaveLength(1);
    expect(warn).toHaveBeenLastCalledWith(expect.anything(), expect.stringContaining("a restart would lose messages"));
  });
});
