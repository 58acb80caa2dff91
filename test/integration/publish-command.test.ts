import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { type EndpointServer, serveEndpoint } from "../../watchdog/applications/endpoint/server.ts";
import type { PublisherConfigInput } from "../../watchdog/config/applications.ts";
import type { EndpointState } from "../../watchdog/core/endpoint-state.ts";
import { CommandLine } from "./support/command-line.ts";

const run = promisify(execFile);
const main = path.join(import.meta.dirname, "../../watchdog/cli/main.ts");

describe("es-failover publish", () => {
  let directory: string;
  let server: EndpointServer;
  let publisher: ChildProcess;
  let output = "";
  let state: EndpointState = { phase: "serving", epoch: 1, region: "gra", host: "10.81.0.10", port: 9200 };
  const file = (name: string) => path.join(directory, name);
  const command = (...args: readonly string[]) =>
    run(process.execPath, [main, "--config", file("publisher.json"), ...args]).then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      ({ code, stdout, stderr }) => ({ code, text: `${stdout}${stderr}` }),
    );

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-publish-"));
    server = await serveEndpoint({
      listen: "127.0.0.1:0",
      tls: null,
      site: "gra",
      currentState: () => state,
      isRunning: () => true,
      acknowledgements: new Acknowledgements(),
      clock: systemClock,
    });
    const section: PublisherConfigInput = {
      source: { kind: "service", urls: [`http://127.0.0.1:${server.port}`] },
      files: [{ path: file("app.ini") }, { path: file("missing/app.env"), format: "env" }],
      stateDirectory: file("state"),
      controlSocket: file("control.sock"),
    };
    await writeFile(file("publisher.json"), JSON.stringify({ publisher: section }));
  });
  afterAll(async () => {
    publisher?.kill("SIGKILL");
    await server?.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("reports that it does not run, publishes once it runs, shows its errors, and ends on a signal", async () => {
    expect(await command("publish", "check-config")).toMatchObject({
      code: 0,
      text: expect.stringContaining("is valid"),
    });
    expect(await command("publish", "status")).toMatchObject({
      code: 3,
      text: expect.stringContaining("no publisher is running"),
    });
    publisher = spawn(process.execPath, [main, "--config", file("publisher.json"), "publish"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [publisher.stdout, publisher.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    const contains = (epoch: number) =>
      eventually(
        () => `the file has epoch ${epoch}; the publisher said:\n${output}`,
        30_000,
        async () => (await readFile(file("app.ini"), "utf8")).includes(`Epoch = ${epoch}\n`),
      );
    await contains(1);
    state = { phase: "serving", epoch: 3, region: "bhs", host: "10.82.0.10", port: 9200 };
    await contains(3);
    const status = await command("publish", "status");
    expect(status.code).toBe(1);
    expect(status.text).toContain("bhs serves at 10.82.0.10:9200, epoch 3");
    expect(status.text).toMatch(
      /missing\/app\.env +FAILED \d+ times in a row.*the directory .*no such file or directory/,
    );
    const ended = new Promise((resolve) => publisher.once("exit", resolve));
    publisher.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(output).not.toMatch(/"level":"fatal"|Error:/);
  });
});

describe("a watchdog with an endpoint service", () => {
  let line: CommandLine;
  afterAll(() => line?.remove());

  test("names no region while its router has no ticket, takes acknowledgements, and status shows them", async () => {
    const port = await freePort();
    const address = { host: "10.81.0.10", port: 9200 };
    line = await CommandLine.create({
      endpoint: { listen: `127.0.0.1:${port}`, addresses: { gra: address, bhs: address } },
    });
    await line.startWatchdog();
    const url = `http://127.0.0.1:${port}`;
    await eventually("the service answers", 15_000, async () => (await fetch(`${url}/healthz`)).status === 200);
    const answer = await fetch(`${url}/v1/endpoint`);
    expect([answer.status, await answer.json()]).toEqual([503, { epoch: expect.any(Number), phase: "unknown" }]);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const body = JSON.stringify({ application: "orders", instance: "host1:4711", epoch: 0, problem: "waits" });
    expect((await fetch(`${url}/v1/acknowledgement`, { method: "POST", body })).status).toBe(204);
    const { out } = await line.run("status");
    expect(out).toMatch(/Applications\n {2}orders/);
    expect(out).toMatch(/orders host1:4711 +no epoch +waits +reported/);
  });
});
