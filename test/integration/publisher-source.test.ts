import { afterEach, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { serveEndpoint } from "../../watchdog/applications/endpoint/server.ts";
import type { Combined } from "../../watchdog/applications/publisher/sources/combine.ts";
import { ServiceSource } from "../../watchdog/applications/publisher/sources/service.ts";
import type { EndpointState } from "../../watchdog/core/endpoint-state.ts";
import { HttpClient } from "../../watchdog/util/http-client.ts";
import type { Logger } from "../../watchdog/util/logger.ts";

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** An endpoint service whose state the test sets, and a source that asks it. */
async function follow(first: EndpointState) {
  const service = { state: first };
  const server = await serveEndpoint({
    listen: "127.0.0.1:0",
    tls: null,
    site: "gra",
    currentState: () => service.state,
    isRunning: () => true,
    acknowledgements: new Acknowledgements(),
    clock: systemClock,
  });
  const client = new HttpClient({ ca: null });
  const source = new ServiceSource([`http://127.0.0.1:${server.port}`], { client, clock: systemClock, log: silent });
  const received: Combined[] = [];
  const stop = new AbortController();
  const ended = source.run((combined) => received.push(combined), stop.signal);
  ends.push(async () => {
    stop.abort();
    await ended;
    client.close();
    await server.close();
  });
  const answer = () => source.report()[0]?.state ?? null;
  return { service, received, answer };
}

test("a region that serves in the epoch of an earlier `unknown` is reported at once", async () => {
  const { service, received, answer } = await follow({ phase: "closing", epoch: 2 });
  await eventually("the change is known", 15_000, () => answer()?.phase === "closing");
  // The record names the region; the router beside the service does not route there yet.
  service.state = { phase: "unknown", epoch: 3 };
  await eventually("unknown is received", 15_000, () => answer()?.phase === "unknown");
  service.state = { phase: "serving", epoch: 3, region: "bhs", host: "10.82.0.10", port: 9200 };
  await eventually("the active region is known", 5_000, () => answer()?.phase === "serving");
  expect(received.at(-1)).toEqual({ state: service.state, conflict: null });
});
