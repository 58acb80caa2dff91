import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { serveEndpoint } from "../../watchdog/applications/endpoint/server.ts";
import { HttpClient } from "../../watchdog/applications/publisher/http.ts";
import type { Combined } from "../../watchdog/applications/publisher/sources/combine.ts";
import { ServiceSource } from "../../watchdog/applications/publisher/sources/service.ts";
import type { EndpointState } from "../../watchdog/core/endpoint-state.ts";
import type { Logger } from "../../watchdog/util/logger.ts";
import { until } from "./helpers.ts";

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
  const heard: Combined[] = [];
  const stop = new AbortController();
  const ended = source.run((combined) => heard.push(combined), stop.signal);
  ends.push(async () => {
    stop.abort();
    await ended;
    client.close();
    await server.close();
  });
  const said = () => source.report()[0]?.state ?? null;
  return { service, heard, said };
}

test("a region that serves in the epoch of an earlier `unknown` is reported at once", async () => {
  const { service, heard, said } = await follow({ phase: "closing", epoch: 2 });
  await until(() => said()?.phase === "closing", "the change is heard of");
  // The record names the region; the router beside the service does not route there yet.
  service.state = { phase: "unknown", epoch: 3 };
  await until(() => said()?.phase === "unknown", "the watchdog that cannot tell is heard");
  service.state = { phase: "serving", epoch: 3, region: "bhs", host: "10.82.0.10", port: 9200 };
  await until(() => said()?.phase === "serving", "the region that serves is heard of", 5_000);
  expect(heard.at(-1)).toEqual({ state: service.state, contradiction: null });
});
