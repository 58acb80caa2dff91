import path from "node:path";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { createRecordCopy } from "../../watchdog/adapters/file-store/store.ts";
import type { connectClusters } from "../../watchdog/app/clusters.ts";
import { connectStore } from "../../watchdog/app/store.ts";
import type { LoadedConfig } from "../../watchdog/config/load.ts";
import { createWatchdog } from "../../watchdog/controller/watchdog.ts";
import type { Router } from "../../watchdog/core/ports/router.ts";
import type { Salvage } from "../../watchdog/core/ports/salvage.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import type { Logger } from "../../watchdog/util/logger.ts";
import { CallRecorder } from "./calls.ts";
import { PATIENCE_MS, say, untilCopied } from "./fixture.ts";
import type { Run } from "./report.ts";

/** A router that accepts tickets and routes nothing, as no request needs it. */
const router: Router = {
  name: "bench",
  issueTicket: async () => undefined,
  close: async () => undefined,
  state: async () => ({ tickets: [], servers: [], writes: [] }),
};

const noSalvage: Salvage = {
  export: () => Promise.reject(new Error("unreachable: gra does not return")),
  sizeOf: () => Promise.reject(new Error("unreachable: gra does not return")),
  authorizeDelete: () => Promise.reject(new Error("unreachable: gra does not return")),
};

const log: Logger = {
  debug: () => undefined,
  info: (fields, message) => (fields["event"] === "step" ? say(message) : undefined),
  warn: (_, message) => say(message),
  error: (_, message) => say(message),
};

/** Loses gra and measures the watchdog's promotion of bhs, from the closed routers to `serving`. */
export async function promoteByWatchdog(
  pair: ClusterPair,
  { config }: LoadedConfig,
  clusters: ReturnType<typeof connectClusters>,
  count: number,
): Promise<Run> {
  const { store, coordination } = await connectStore(config, log);
  const copy = createRecordCopy(path.join(config.stateDirectory, "copy.json"));
  const parts = { config, clusters, store, coordination, copy, salvage: noSalvage, router, clock: systemClock, log };
  const watchdog = createWatchdog(parts);
  const end = new AbortController();
  const running = watchdog.run(end.signal);
  const recorder = new CallRecorder(pair.bhs.urls[0] ?? "");
  try {
    await eventually("bhs is in sync", PATIENCE_MS, async () => {
      const { record, replication } = watchdog.status();
      return record?.phase === "serving" && record.standby === "in-sync" && replication?.followers === count;
    });
    await untilCopied(pair, count);
    recorder.take();
    await pair.gra.kill();
    const reached = (what: string, holds: (record: StateRecord) => boolean) =>
      eventually(what, PATIENCE_MS, async () => {
        const { record } = watchdog.status();
        return record !== null && holds(record);
      });
    await reached("the promotion begins", ({ phase }) => phase === "promoting");
    const startedMs = performance.now();
    await reached("bhs serves", (record) => record.phase === "serving" && record.active === "bhs");
    const recordBytes = Buffer.byteLength(JSON.stringify(watchdog.status().record));
    say(`the record has ${Math.round(recordBytes / 1024)} KiB`);
    return { name: "the watchdog", tookMs: performance.now() - startedMs, ...recorder.take() };
  } finally {
    end.abort();
    await running;
    recorder.close();
  }
}
