import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { askControlSocket, WatchdogNotRunning } from "../../watchdog/adapters/control-socket/client.ts";
import { serveControlSocket } from "../../watchdog/adapters/control-socket/server.ts";
import { Activity } from "../../watchdog/controller/activity.ts";
import { controlApi } from "../../watchdog/controller/control-api/api.ts";
import { controlHandlers } from "../../watchdog/controller/control-api/handlers.ts";
import type { Watchdog } from "../../watchdog/controller/watchdog.ts";
import type { KnownSituation } from "../../watchdog/core/preview.ts";
import { type Applied, applyCommand, type Command } from "../../watchdog/core/requests.ts";
import { explain } from "../../watchdog/core/rules/explain.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { Refused, serveCall } from "../../watchdog/util/socket-api.ts";
import { config, NOW_MS, observations, serving } from "./core-fixtures.ts";
import { applications, fullStatus } from "./support/full-status.ts";

/** A watchdog that knows one situation and applies commands to its record. */
class StubWatchdog implements Watchdog {
  readonly commands: { readonly command: Command; readonly by: string }[] = [];
  record: StateRecord = serving();
  historyLimit = 0;

  run = () => Promise.reject(new Error("it does not run here"));
  status = () => fullStatus;
  readiness = () => null;
  decision = () => null;
  situation = (): KnownSituation => ({ record: this.record, seen: observations(), nowMs: NOW_MS });
  explain = () => explain(this.record, observations(), NOW_MS, config);
  history = async (limit: number) => {
    this.historyLimit = limit;
    return [{ atMs: NOW_MS, epoch: 1, rule: "first-primary", explanation: "gra serves", watchdog: "bhs-haproxy-1" }];
  };
  command = async (command: Command, by: string): Promise<Applied> => {
    this.commands.push({ command, by });
    return applyCommand(this.record, command, { by, atMs: NOW_MS }, { regions: ["gra", "bhs"], silence: {} });
  };
  routing = () => ({ record: this.record, ticket: null, nowMs: NOW_MS });
  answerFailsafe = () => ({ agrees: false, watchdog: "bhs-haproxy-1", reason: "not here" }) as const;
  measurements = () => ({ activity: new Activity(), loops: [], canary: null, storeSpace: null });
  isRunning = () => true;
}

let directory: string;
let socket: string;
let watchdog: StubWatchdog;
let server: { close(): Promise<void> };

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-control-"));
  socket = path.join(directory, "control.sock");
});
beforeEach(async () => {
  watchdog = new StubWatchdog();
  server = await serveControlSocket(socket, Object.values(controlHandlers(watchdog, config, () => applications)));
});
afterEach(() => server.close());
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Sends a request that our client would not send. */
function send(method: string, target: string, body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-length": Buffer.byteLength(body) };
    const outgoing = request({ socketPath: socket, method, path: target, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode, text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

describe("the control API's server", () => {
  test.each([
    ["GET", "/history?limit=0", "", "limit: a whole number from 1 to 10000"],
    ["GET", "/history?limit=many", "", "limit: a whole number from 1 to 10000"],
    ["PUT", "/pause", '{"by":"ann"}', "reason: "],
    ["PUT", "/pause", '{"by":"ann","reason":"  "}', "reason: "],
    ["DELETE", "/pause", "", "by: "],
    ["POST", "/switchover", '{"by":"ann","to":"bhs","dryRun":true}', "dryRun"],
    ["POST", "/failover", "{", "the request is not JSON"],
    ["POST", "/failover", `{"by":"${"x".repeat(70_000)}"}`, "longer than 65536 bytes"],
  ])("refuses %s %s %s", async (method, target, body, reason) => {
    const answer = await send(method, target, body);
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining(reason) });
    expect(watchdog.commands).toEqual([]);
  });

  test("lists its calls in the answer to an unknown one", async () => {
    expect(await send("GET", "/failover", "")).toMatchObject({
      status: 404,
      text: expect.stringContaining("POST /failover"),
    });
  });

  test("has one call per route", () => {
    const routes = Object.values(controlApi).map(({ route }) => route);
    expect(new Set(routes).size).toBe(routes.length);
  });
});

describe("the control API's client", () => {
  test("receives the complete status and situation", async () => {
    const sent = JSON.parse(JSON.stringify({ ...fullStatus, readiness: null, applications }));
    const status = await askControlSocket(socket, controlApi.status, {});
    expect(status).toEqual(sent);
    expect(Object.keys(status)).toEqual(Object.keys(sent));
    const situation = await askControlSocket(socket, controlApi.situation, {});
    expect(situation).toEqual(JSON.parse(JSON.stringify(watchdog.situation())));
  });

  test("receives explanations and the history", async () => {
    expect(await askControlSocket(socket, controlApi.explain, {})).toEqual(watchdog.explain());
    expect(await askControlSocket(socket, controlApi.history, { limit: 20 })).toHaveLength(1);
    expect(watchdog.historyLimit).toBe(20);
    await askControlSocket(socket, controlApi.history, {});
    expect(watchdog.historyLimit).toBe(50);
  });

  test("sends commands, and receives the reasons of a refusal", async () => {
    const paused = await askControlSocket(socket, controlApi.pause, { by: "ann", reason: "maintenance" });
    expect(paused).toMatchObject({ epoch: 1, sequence: 8 });
    await expect(askControlSocket(socket, controlApi.resume, { by: "ann" })).rejects.toThrow(
      new Refused(["automatic failover is not paused"]),
    );
    expect(watchdog.commands.map(({ command: { kind }, by }) => `${kind} ${by}`)).toEqual(["pause ann", "resume ann"]);
  });

  test("requests a change with defaults for omitted fields", async () => {
    await askControlSocket(socket, controlApi.switchover, { by: "ann", to: "bhs" });
    expect(watchdog.commands).toEqual([
      { command: { kind: "switchover", to: "bhs", force: false, reason: null }, by: "ann" },
    ]);
  });

  test("previews a change without requesting it", async () => {
    const preview = await askControlSocket(socket, controlApi.previewSwitchover, { by: "ann", to: "bhs" });
    expect(preview).toMatchObject({ kind: "switchover", from: "gra", to: "bhs", verdict: "begins" });
    const refused = await askControlSocket(socket, controlApi.previewFailover, { by: "ann", to: "gra" });
    expect(refused).toMatchObject({ kind: "failover", verdict: "refused" });
    expect(watchdog.commands).toEqual([]);
  });

  test("previews an abort, and refuses one where no change is under way", async () => {
    const refused = await askControlSocket(socket, controlApi.previewAbort, { by: "ann" });
    expect(refused).toEqual({ from: "", to: "", verdict: "refused", reasons: ["no change is under way: gra serves"] });
    await expect(askControlSocket(socket, controlApi.abort, { by: "ann", reason: "drill" })).rejects.toThrow(
      /no change is under way/,
    );
  });

  test("names the field of an answer that it cannot read", async () => {
    const other = path.join(directory, "other.sock");
    const newer = { ...controlApi.explain, answer: z.array(z.object({ rule: z.string() })) };
    const served = await serveControlSocket(other, [serveCall(newer, () => [{ rule: "a-rule-of-tomorrow" }])]);
    try {
      await expect(askControlSocket(other, controlApi.explain, {})).rejects.toThrow(
        `the watchdog at ${other} gave an answer that this version cannot read: 0.rule: no rule of this version`,
      );
    } finally {
      await served.close();
    }
  });

  test("reports that no watchdog is running", async () => {
    await expect(askControlSocket(path.join(directory, "none.sock"), controlApi.status, {})).rejects.toThrow(
      WatchdogNotRunning,
    );
  });
});
