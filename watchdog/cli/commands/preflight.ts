import { readFile } from "node:fs/promises";
import { systemClock } from "../../adapters/clock.ts";
import { askControlSocket } from "../../adapters/control-socket.ts";
import { createSurvey } from "../../adapters/elasticsearch/survey.ts";
import { EtcdClient } from "../../adapters/etcd/client.ts";
import { connectClusters, nodesOf } from "../../app/clusters.ts";
import type { RegionName } from "../../config/address.ts";
import { type LoadedConfig, loadConfig } from "../../config/load.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { timingViolations } from "../../config/timing.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import type { KnownSituation } from "../../core/preview.ts";
import {
  type Check,
  type Finding,
  judgePreflight,
  type RegionFindings,
  type StoreMember,
} from "../../diagnostics/preflight.ts";
import { messageOf } from "../../util/errors.ts";
import { count, table } from "../../util/text.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

export interface PreflightOptions {
  readonly json: boolean;
  /** An outage of this length is to be survived without copying all over again, hours. */
  readonly outageHours: number;
}

/** Finds out whether a failover, a rejoin and a switchover would work. Changes nothing. */
export async function preflight(
  { configFile, print, finish }: CommandContext,
  { json, outageHours }: PreflightOptions,
): Promise<void> {
  const loaded = await loadConfig(configFile());
  const { config } = loaded;
  const [regions, storeMembers, situation] = await Promise.all([
    findingsOfRegions(loaded),
    membersOfStore(config),
    // A host without a running watchdog can be checked, too.
    (askControlSocket(config.controlSocket, "GET /situation") as Promise<KnownSituation>).catch(() => null),
  ]);
  const checks = judgePreflight(
    {
      regions,
      storeMembers,
      active: situation?.record?.phase === "serving" ? situation.record.active : null,
      sites: situation?.seen.sites.map(({ site }) => site) ?? null,
      timingViolations: timingViolations(config),
      outageMs: outageHours * 3_600_000,
    },
    config,
  );
  print(json ? JSON.stringify(checks, null, 2) : formatChecks(checks));
  if (checks.some(({ verdict }) => verdict === "fail")) finish(exitCodes.findings);
}

async function findingsOfRegions(loaded: LoadedConfig): Promise<Readonly<Record<RegionName, RegionFindings>>> {
  const clusters = connectClusters(loaded);
  const names = Object.keys(clusters);
  try {
    const found = Object.entries(clusters).map(async ([name, cluster]) => {
      const other = names.find((candidate) => candidate !== name) ?? name;
      return [name, await findingsOf(loaded, name, other, cluster)] as const;
    });
    return Object.fromEntries(await Promise.all(found));
  } finally {
    await Promise.all(Object.values(clusters).map((cluster) => cluster.close()));
  }
}

async function findingsOf(
  loaded: LoadedConfig,
  name: RegionName,
  other: RegionName,
  cluster: Cluster,
): Promise<RegionFindings> {
  const survey = createSurvey(nodesOf(loaded, name), loaded.config.replication);
  try {
    // One after the other: questions under way at once would delay each other, and time is measured here.
    const roundTripMs = await finding(survey.roundTripMs());
    const clocks = await finding(survey.clocks());
    const readiness = await finding(cluster.readiness(other, { reconnect: true }));
    const versions = await finding(survey.versions());
    const storage = await finding(survey.storage());
    const retention = await finding(survey.retention());
    return { readiness, versions, storage, retention, clocks, roundTripMs };
  } finally {
    await survey.close();
  }
}

async function finding<T>(question: Promise<T>): Promise<Finding<T>> {
  try {
    return { value: await question };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

async function membersOfStore({ store }: WatchdogConfig): Promise<readonly StoreMember[] | null> {
  if (store.kind !== "etcd") return null;
  const [ca = "", certificate = "", key = ""] = await Promise.all(
    [store.caFile, store.certificateFile, store.keyFile].map((file) => readFile(file, "utf8")),
  );
  const { endpoints, hedgeAfterMs, deadlineMs } = store;
  const tls = { ca, certificate, key };
  // Asking for a member's status takes no user, so that the check works while authentication does not.
  const client = new EtcdClient({
    endpoints,
    tls,
    credentials: null,
    hedgeAfterMs,
    deadlineMs,
    clock: systemClock,
  });
  try {
    return (await client.statuses()).map((status, position) => {
      const endpoint = endpoints[position] ?? "";
      if (status instanceof Error) return { endpoint, problem: status.message };
      if (!status.hasLeader) return { endpoint, problem: "it knows no leader" };
      if (status.errors.length > 0) return { endpoint, problem: status.errors.join(", ") };
      return { endpoint, problem: status.isLearner ? "a learner, which does not vote" : null };
    });
  } finally {
    client.close();
  }
}

function formatChecks(checks: readonly Check[]): string {
  const rows = checks.map(({ check, verdict, found }) => [
    verdict === "ok" ? "ok" : verdict.toUpperCase(),
    check,
    found,
  ]);
  const advice = checks.flatMap(({ check, advice: what }) => (what === null ? [] : [[`${check}:`, what]]));
  const failed = checks.filter(({ verdict }) => verdict === "fail").length;
  const warned = checks.filter(({ verdict }) => verdict === "warn").length;
  return [
    table([["", "CHECK", "FOUND"], ...rows]),
    ...(advice.length === 0 ? [] : [`What to do:\n${table(advice.map((row) => ["  -", ...row]))}`]),
    `${count(checks.length, "check")}: ${failed} failed, ${count(warned, "warning")}.`,
  ].join("\n\n");
}
