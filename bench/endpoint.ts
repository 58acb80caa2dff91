/**
 * Load of 1,000 clients that poll the endpoint service each second, and of 1,000 that hold a long poll through a change of
 * the region.
 *
 *     node bench/endpoint.ts [clients, default 1000] [seconds, default 10]
 *
 * The clients are a process of their own, over plain HTTP on loopback.
 */
import { fork } from "node:child_process";
import { Agent, get } from "node:http";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Acknowledgements } from "../watchdog/applications/acknowledgements.ts";
import { serveEndpoint } from "../watchdog/applications/endpoint/server.ts";
import type { EndpointState } from "../watchdog/core/endpoint-state.ts";

interface Order {
  readonly port: number;
  readonly clients: number;
  readonly seconds: number;
  readonly kind: "poll" | "hold";
}

interface Result {
  readonly answers: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

async function clients({ port, clients: count, seconds, kind }: Order): Promise<Result> {
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  const took: number[] = [];
  let failures = 0;
  const ask = (query: string): Promise<void> =>
    new Promise((resolve) => {
      const startedMs = performance.now();
      get({ host: "127.0.0.1", port, path: `/v1/endpoint${query}`, agent }, (incoming) => {
        incoming.resume();
        incoming.on("end", () => {
          took.push(performance.now() - startedMs);
          if (incoming.statusCode !== 200) failures += 1;
          resolve();
        });
      }).on("error", () => {
        failures += 1;
        resolve();
      });
    });
  const poll = async (client: number): Promise<void> => {
    // Spread over the second, as clients that start independently.
    await delay((client / count) * 1_000);
    for (let round = 0; round < seconds; round++) {
      const nextMs = performance.now() + 1_000;
      await ask("");
      await delay(Math.max(0, nextMs - performance.now()));
    }
  };
  const work = kind === "poll" ? poll : () => ask("?wait=60s&epoch=1");
  await Promise.all(Array.from({ length: count }, (_, client) => work(client)));
  agent.destroy();
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0;
  return { answers: took.length, failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

function inOwnProcess(order: Order): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] ?? "", ["--clients"]);
    child.once("message", (result) => resolve(result as Result));
    child.once("exit", (code) => reject(new Error(`the clients ended with status ${code}`)));
    child.send(order);
  });
}

const ms = (value: number) => `${value.toFixed(1)} ms`;

async function main(count: number, seconds: number): Promise<void> {
  let state: EndpointState = { phase: "serving", epoch: 1, region: "gra", host: "10.81.0.10", port: 9200 };
  let reads = 0;
  const server = await serveEndpoint({
    listen: "127.0.0.1:0",
    tls: null,
    site: "gra",
    currentState: () => {
      reads += 1;
      return state;
    },
    isRunning: () => true,
    acknowledgements: new Acknowledgements(),
    clock: { nowMs: () => Date.now() },
  });
  await measurePolling(server.port, count, seconds);
  const readsBefore = reads;
  await measureHolding(server.port, count, seconds, async () => {
    // The service reads the state once per held request.
    while (reads - readsBefore < count) await delay(50);
    await delay(1_000);
    state = { phase: "serving", epoch: 3, region: "bhs", host: "10.82.0.10", port: 9200 };
  });
  await server.close();
}

async function measurePolling(port: number, count: number, seconds: number): Promise<void> {
  const cpuBefore = process.cpuUsage();
  const polled = await inOwnProcess({ port, clients: count, seconds, kind: "poll" });
  const cpu = process.cpuUsage(cpuBefore);
  const share = ((cpu.user + cpu.system) / 1_000_000 / seconds) * 100;
  console.log(
    `${count} clients polling each second for ${seconds} s: ${polled.answers} answers, ${polled.failures} failures; ` +
      `p50 ${ms(polled.p50Ms)}, p99 ${ms(polled.p99Ms)}, max ${ms(polled.maxMs)}; service: ${share.toFixed(1)} % of one core`,
  );
}

/** @param switchRegion changes the published region once every client holds its long poll */
async function measureHolding(
  port: number,
  count: number,
  seconds: number,
  switchRegion: () => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  const holding = inOwnProcess({ port, clients: count, seconds, kind: "hold" });
  await switchRegion();
  const switchedMs = performance.now();
  const held = await holding;
  const restMs = performance.now() - switchedMs;
  console.log(
    `${count} clients holding a long poll: ${held.answers} answers, ${held.failures} failures; all had the new region ` +
      `${ms(restMs)} after the switch, including the end of their process (held for ${ms(switchedMs - startedMs)})`,
  );
}

if (process.argv[2] === "--clients") {
  process.once("message", (order) =>
    clients(order as Order).then((result) => process.send?.(result, () => process.exit(0))),
  );
} else if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(Number(process.argv[2] ?? 1_000), Number(process.argv[3] ?? 10));
}
