import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { createFileStore } from "../../watchdog/adapters/file-store/store.ts";
import type { ChangePreview } from "../../watchdog/core/preview.ts";
import type { SimulatedOutcome } from "../../watchdog/core/simulate.ts";
import type { HistoryEntry } from "../../watchdog/core/state/history.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { CommandLine } from "./support/command-line.ts";
import type { Ended } from "./support/run-program.ts";
import { historyEntry, stateRecord } from "./support/state-record.ts";

/** A running watchdog on a real file store; both regions are lost, so that it changes nothing by itself. */
let line: CommandLine;
const es = (...args: readonly string[]): Promise<Ended> => line.run(...args);
const record = async (): Promise<StateRecord | null> => (await line.status()).record;

const store = () =>
  createFileStore({ directory: line.at("store"), clock: { monotonicMs: () => 0 }, leaseTtlMs: 1_000, routers: [] });

beforeAll(async () => {
  line = await CommandLine.create();
  const blocked = { ...stateRecord(7), blockedUntilMs: Date.now() + 3_600_000 };
  await store().write(blocked, null, historyEntry(7));
  await line.startWatchdog();
}, 60_000);
afterAll(() => line?.remove());

describe("es-failover, with a watchdog that runs", () => {
  test("pause is recorded with user and reason and shown in status and history, and resume ends it", async () => {
    expect(await es("pause")).toMatchObject({ code: 2, err: expect.stringContaining("--reason") });
    const dry = await es("pause", "--reason", "moving racks", "--dry-run");
    expect(dry).toMatchObject({ code: 0, out: expect.stringContaining("ada paused automatic failover: moving racks") });
    expect((await record())?.paused).toBeNull();

    expect(await es("pause", "--reason", "moving racks")).toMatchObject({ code: 0, err: "" });
    await eventually("the record is paused", 15_000, async () => (await record())?.paused?.reason === "moving racks");
    expect((await es("status")).out).toMatch(/paused +by ada: moving racks/);
    expect(await es("pause", "--reason", "again")).toMatchObject({
      code: 4,
      err: expect.stringMatching(/has been paused by ada since .*: moving racks/),
    });
    expect(await es("resume")).toMatchObject({ code: 0, out: "ada resumed automatic failover.\n" });
    expect(await es("resume")).toMatchObject({ code: 4, err: "automatic failover is not paused\n" });

    const history = await line.json<readonly HistoryEntry[]>("history");
    expect(history.map(({ rule }) => rule)).toEqual(expect.arrayContaining(["operator-pause", "operator-resume"]));
    const shown = await es("history", "--limit", "1");
    expect(shown.out.trim().split("\n")).toHaveLength(2);
    expect(shown.out).toMatch(/^TIME.*\n.*operator-resume +ada resumed/);
    expect(await es("history", "--limit", "many")).toMatchObject({ code: 2 });
  });

  test("status --watch shows the status again until it is ended, also while the watchdog is away", async () => {
    const watching = spawn(line.command[0] ?? "", [...line.command.slice(1), "status", "--watch", "1"]);
    try {
      let shown = "";
      watching.stdout.setEncoding("utf8").on("data", (text: string) => {
        shown += text;
      });
      const looks = (pattern: RegExp) => [...shown.matchAll(pattern)].length;
      await eventually("two looks", 30_000, () => looks(/^State$/gm) >= 2);
      await line.stopWatchdog();
      await eventually("a look without a watchdog", 30_000, () => looks(/^The watchdog is not running/gm) >= 1);
      const before = looks(/^State$/gm);
      await line.startWatchdog();
      await eventually("a look at the watchdog that is back", 30_000, () => looks(/^State$/gm) > before);
    } finally {
      watching.kill("SIGKILL");
    }
    expect(await es("status", "--watch", "--json")).toMatchObject({ code: 2 });
  }, 120_000);

  test("check tells a monitoring system by its exit status that the region that serves is lost", async () => {
    await eventually("gra is unhealthy", 30_000, async () => (await es("status")).out.includes("unhealthy"));
    const { code, out } = await es("check");
    expect({ code, first: out.split("\n")[0] }).toEqual({
      code: 2,
      first: expect.stringMatching(/^ES-FAILOVER CRITICAL: .* \| epoch=\d+ /),
    });
  });

  test("ack ends the block period, once", async () => {
    expect((await es("status")).out).toMatch(/blocked +no automatic failover for another/);
    expect(await es("ack")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/the block period until \S+ ends now/),
    });
    expect(await es("ack")).toMatchObject({ code: 4, err: expect.stringContaining("no block period") });
  });

  test("a change that the rules refuse changes nothing, and the reasons are shown", async () => {
    const before = await store().read();
    for (const kind of ["failover", "switchover"]) {
      const refused = await es(kind, "--to", "bhs", "--yes");
      expect(refused).toMatchObject({ code: 4, out: "" });
      expect(refused.err).toContain("bhs is not healthy");
    }
    expect(await es("failover", "--to", "gra", "--force", "--yes")).toMatchObject({
      code: 4,
      err: "gra is already the active region\n",
    });
    expect(await es("switchover", "--to", "fra")).toMatchObject({
      code: 4,
      err: "fra is not a region: the regions are gra and bhs\n",
    });
    const preview = await line.json<ChangePreview>("failover", "--to", "bhs", "--force", "--dry-run");
    expect(preview).toMatchObject({ verdict: "refused", from: "gra", to: "bhs" });
    expect((await store().read())?.record.epoch).toBe(before?.record.epoch);
  });

  test("simulate shows what would happen and why, and replays a saved state", async () => {
    const outcome = await line.json<SimulatedOutcome>("simulate", "--if", "gra-down");
    expect(outcome.steps.length).toBeGreaterThan(0);
    expect(outcome.steps.at(-1)?.after).toBeNull();
    const shown = await es("simulate", "--if", "store-down");
    expect(shown.out).toMatch(/Assumed: The store does not answer.*store-unreachable/s);
    expect(await es("simulate", "--if", "mars-down")).toMatchObject({
      code: 1,
      err: expect.stringContaining("gra-elasticsearch-down"),
    });
    const file = line.at("situations.ndjson");
    for (let n = 0; n < 2; n += 1) expect((await es("simulate", "--save", file)).code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const replayed = await es("simulate", "--observations", file);
    expect(replayed.out.trim().split("\n")).toHaveLength(3);
    expect(replayed.out).toContain("serving gra (epoch 7)");
    expect(await es("simulate")).toMatchObject({ code: 2, err: expect.stringContaining("--observations") });
    expect(await es("simulate", "--if", "gra-down", "--save", file)).toMatchObject({ code: 2 });
  });

  test("preflight names every region that does not answer, and exits with 5", async () => {
    const ended = await es("preflight");
    expect(ended.code).toBe(5);
    expect(ended.out).toMatch(/FAIL +licence of gra +unknown: /);
    expect(ended.out).toMatch(/WARN +store +a file on this host/);
    expect(ended.out).toMatch(/What to do:/);
  });

  test("salvage lists nothing where nothing was salvaged, and refuses an unknown name", async () => {
    expect(await es("salvage", "list")).toMatchObject({
      code: 0,
      out: "This host has no exports: nothing has been salvaged here.\n",
    });
    expect(await es("salvage", "show", "3-gra")).toMatchObject({ code: 1, err: expect.stringContaining("no salvage") });
    expect(await es("salvage", "replay", "3-gra", "--classes", "all")).toMatchObject({
      code: 2,
      err: expect.stringContaining('"all" is none of missing, newer, conflicting'),
    });
    expect(await es("salvage", "discard", "orders-1", "--reason", "test")).toMatchObject({
      code: 4,
      err: expect.stringContaining("not an old primary"),
    });
  });

  test("the socket refuses a malformed request and stays up", async () => {
    expect(await asked("PUT", "/pause", "{")).toMatchObject({ status: 400, text: expect.stringContaining("not JSON") });
    expect(await asked("PUT", "/pause", "{}")).toMatchObject({ status: 400, text: expect.stringContaining("by") });
    expect(await asked("POST", "/failover", '{"by":"ada","to":"bhs","dryrun":true}')).toMatchObject({ status: 400 });
    expect(await asked("GET", "/history?limit=0", "")).toMatchObject({ status: 400 });
    expect(await asked("PATCH", "/pause", "")).toMatchObject({ status: 404 });
    expect(await asked("PUT", "/pause", JSON.stringify({ by: "x".repeat(70_000) }))).toMatchObject({ status: 400 });
    expect((await es("status")).code).toBe(0);
  });

  test("completion offers the existing commands", async () => {
    const { out } = await es("completion", "bash");
    for (const command of ["switchover", "salvage replay", "completion"]) expect(out).toContain(`"${command}"`);
    expect(await es("completion", "tcsh")).toMatchObject({ code: 2 });
  });

  test("without a watchdog commands that change something fail with the reason, and history is read from the store", async () => {
    await line.stopWatchdog();
    for (const args of [["pause", "--reason", "x"], ["resume"], ["ack"], ["switchover", "--to", "bhs", "--yes"]]) {
      expect(await es(...args)).toMatchObject({ code: 3, err: expect.stringContaining("no watchdog is running") });
    }
    expect((await es("history")).out).toContain("operator-pause");
  });
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

function asked(method: string, path: string, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: line.at("control.sock"), method, path }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on("error", reject).end(body);
  });
}
