import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { eventually } from "../../lab/util/until.ts";
import { askControlSocket } from "../../watchdog/adapters/control-socket/client.ts";
import { serveControlSocket } from "../../watchdog/adapters/control-socket/server.ts";
import { createFileStore } from "../../watchdog/adapters/file-store/store.ts";
import { createHaproxyRouter } from "../../watchdog/adapters/haproxy/router.ts";
import { serveCall } from "../../watchdog/util/socket-api.ts";
import { HaproxyBench, haproxyMissing } from "./haproxy-process.ts";
import { CommandLine, PASSWORD } from "./support/command-line.ts";
import { historyEntry, stateRecord } from "./support/state-record.ts";

let line: CommandLine;
const at = (name: string) => line.at(name);
const esFailover = (...args: readonly string[]) => line.run(...args);

beforeAll(async () => {
  line = await CommandLine.create({ replication: { patterns: ["orders*"] }, router: {} });
});
afterAll(() => line?.remove());

describe("es-failover", () => {
  test("exits with 2 and the reason on a wrong command line", async () => {
    expect(await esFailover("prommote")).toMatchObject({ code: 2, err: expect.stringContaining("unknown command") });
    expect(await esFailover("haproxy", "apply")).toMatchObject({ code: 2, err: expect.stringContaining("--file") });
    expect(await esFailover("--help")).toMatchObject({ code: 0, out: expect.stringContaining("Exit status:") });
    expect(await esFailover("version")).toMatchObject({ code: 0, out: "from source\n" });
  });

  test("check-config accepts a valid configuration, and names each violation of an invalid one and exits with 2", async () => {
    expect(await esFailover("check-config")).toMatchObject({
      code: 0,
      out: `${line.configFile} is valid: watchdog bhs-hap-1 in bhs, for gra and bhs.\n`,
    });
    await writeFile(at("bad.json"), JSON.stringify({ name: "w", checks: { profile: "hasty" } }));
    const bad = await esFailover("check-config", at("bad.json"));
    expect(bad).toMatchObject({ code: 2, out: "" });
    expect(bad.err).toMatch(/bad\.json is not valid:/);
    expect(bad.err).toMatch(/^ {2}site is missing/m);
    expect(bad.err).toMatch(/^ {2}checks\.profile is "hasty"/m);
  });

  test("run refuses a password file that every user may read", async () => {
    await chmod(at("password"), 0o644);
    expect(await esFailover("run")).toMatchObject({ code: 2, err: expect.stringContaining("open to every user") });
    await chmod(at("password"), 0o600);
  });

  test("status without a watchdog shows the record in its store, and exits with 3", async () => {
    expect(await esFailover("status")).toMatchObject({
      code: 3,
      out: expect.stringContaining("no state document yet"),
    });
    const clock = { monotonicMs: () => 0 };
    const store = createFileStore({ directory: at("store"), clock, leaseTtlMs: 1_000, routers: [] });
    await store.write(stateRecord(7), null, historyEntry(7));
    const status = await esFailover("status");
    expect(status.code).toBe(3);
    expect(status.out).toMatch(/not running.*\n.*store contains.*epoch +7\n.*serving gra/s);
    const json = JSON.parse((await esFailover("status", "--json")).out);
    expect(json).toMatchObject({ running: false, record: { epoch: 7 } });
    await writeFile(at("store/record.json"), "{");
    expect(await esFailover("status")).toMatchObject({
      code: 1,
      err: expect.stringContaining("record.json is damaged"),
    });
    await rm(at("store"), { recursive: true });
  });

  test("explain without a watchdog reports that none runs, and exits with 3", async () => {
    expect(await esFailover("check")).toMatchObject({
      code: 2,
      out: expect.stringContaining("ES-FAILOVER CRITICAL: no watchdog"),
    });
    expect(await esFailover("explain")).toMatchObject({ code: 3, err: expect.stringContaining(at("control.sock")) });
  });
});

describe("the control socket", () => {
  test("is closed to other users, answers, and is not taken from a running watchdog", async () => {
    const socket = at("other.sock");
    const greeting = {
      route: "GET /greeting",
      request: z.object({}),
      answer: z.object({ hello: z.string() }),
    } as const;
    const control = await serveControlSocket(socket, [serveCall(greeting, () => ({ hello: "world" }))]);
    expect((await stat(socket)).mode & 0o777).toBe(0o660);
    expect(await askControlSocket(socket, greeting, {})).toEqual({ hello: "world" });
    await expect(serveControlSocket(socket, [])).rejects.toThrow(/another watchdog already runs/);
    await control.close();
  });

  test("that a killed watchdog left behind is replaced", async () => {
    const socket = at("stale.sock");
    const script = `require("net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`;
    const killed = spawn(process.execPath, ["-e", script]);
    await new Promise((resolve) => killed.once("exit", resolve));
    const control = await serveControlSocket(socket, []);
    await control.close();
  });
});

const title = `es-failover run${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;

describe.skipIf(haproxyMissing !== undefined)(title, () => {
  let bench: HaproxyBench;
  let watchdog: ChildProcess | undefined;
  let logged = "";

  beforeAll(async () => {
    bench = await HaproxyBench.start();
    await line.remove();
    line = await CommandLine.create({
      replication: { patterns: ["orders*"] },
      router: { adminSocket: bench.adminSocket, masterSocket: bench.masterSocket, ticketMapFile: bench.ticketMapFile },
    });
    // Records the notifications to systemd.
    await mkdir(at("bin"));
    await writeFile(at("bin/systemd-notify"), `#!/bin/sh\nfor word; do echo "$word" >> ${at("notified")}; done\n`);
    await chmod(at("bin/systemd-notify"), 0o755);
  });
  afterEach(() => stopWatchdog());
  afterAll(() => bench?.stop());

  async function startWatchdog(): Promise<ChildProcess> {
    logged = "";
    await writeFile(at("notified"), "");
    const [file = "", ...first] = line.command;
    const child = spawn(file, [...first, "run"], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        PATH: `${at("bin")}:${process.env["PATH"]}`,
        NOTIFY_SOCKET: at("notify.sock"),
        WATCHDOG_USEC: "300000",
      },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        logged += chunk;
      });
    }
    watchdog = child;
    await eventually(
      () => `the watchdog is ready; its output: ${logged}`,
      15_000,
      async () => (await notified()).includes("READY=1"),
    );
    return child;
  }

  async function stopWatchdog(): Promise<number | null> {
    const child = watchdog;
    watchdog = undefined;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    return ended;
  }

  const notified = async () => (await readFile(at("notified"), "utf8")).split("\n");

  test("serves status and explain, notifies systemd that it is alive, and logs no secret", async () => {
    await startWatchdog();
    const status = await esFailover("status");
    expect(status).toMatchObject({ code: 0, err: "" });
    expect(status.out).toMatch(/^bhs-hap-1 \(bhs\)/);
    expect(status.out).toMatch(/REGION +ROLE +HEALTH/);
    const json = JSON.parse((await esFailover("status", "--json")).out);
    expect(json).toMatchObject({ name: "bhs-hap-1", site: "bhs" });
    await eventually("both regions have been probed", 15_000, async () => {
      const { regions } = JSON.parse((await esFailover("status", "--json")).out);
      return regions.every((region: { health: { lastProbe: unknown } }) => region.health.lastProbe !== null);
    });
    expect((await esFailover("status")).out).toContain("ECONNREFUSED");
    expect((await esFailover("explain")).out).toMatch(/: applies\n/);
    await eventually(
      "three heartbeats to systemd",
      15_000,
      async () => (await notified()).filter((word) => word === "WATCHDOG=1").length >= 3,
    );
    expect((await notified()).some((word) => word.startsWith("STATUS="))).toBe(true);
    const lines = logged
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { watchdog: string });
    expect(lines.every((line) => line.watchdog === "bhs-hap-1")).toBe(true);
    expect(logged).not.toContain(PASSWORD);
  });

  test("a second one on the same host refuses to start", async () => {
    await startWatchdog();
    expect(await esFailover("run")).toMatchObject({ code: 1, err: expect.stringContaining("already runs") });
  });

  test("ignores SIGHUP, and ends at once with 0 on SIGTERM, leaving the ticket to expire", async () => {
    const child = await startWatchdog();
    child.kill("SIGHUP");
    await eventually("the log has the reason", 15_000, () => logged.includes("SIGHUP is ignored"));
    expect((await esFailover("status")).code).toBe(0);

    const router = createHaproxyRouter({ name: "test", ...bench });
    const ticket = { epoch: 1_000, region: "gra", validUntilMs: Date.now() + 60_000 };
    await stopWatchdogAfter(() => router.issueTicket(ticket));
    expect((await router.state()).tickets).toEqual([{ region: "gra", validUntilMs: ticket.validUntilMs }]);
    expect(await notified()).toContain("STOPPING=1");
    expect((await esFailover("status")).code).toBe(3);
  });

  async function stopWatchdogAfter(action: () => Promise<void>): Promise<void> {
    await action();
    const startedMs = performance.now();
    expect(await stopWatchdog()).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  }
});
