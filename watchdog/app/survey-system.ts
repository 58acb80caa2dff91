import { systemClock } from "../adapters/clock.ts";
import { createSurvey } from "../adapters/elasticsearch/survey.ts";
import { EtcdClient, type MemberStatus } from "../adapters/etcd/client.ts";
import { spaceOf } from "../adapters/etcd/space.ts";
import { readEtcdTls } from "../adapters/etcd/tls.ts";
import type { RegionName } from "../config/address.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { timingViolations } from "../config/timing.ts";
import { sentenceOf } from "../config/violations.ts";
import type { Cluster } from "../core/ports/cluster.ts";
import type { KnownSituation } from "../core/preview.ts";
import {
  finding,
  type PreflightFindings,
  type RegionFindings,
  type StoreMember,
} from "../diagnostics/preflight/findings.ts";
import { judgePreflight } from "../diagnostics/preflight/judge.ts";
import { firstLeaseToEnd } from "../diagnostics/preflight/leases.ts";
import type { SystemSurvey } from "../diagnostics/surveyed.ts";
import { connectClusters, nodesOf } from "./clusters.ts";

/**
 * The checks of preflight. Changes nothing.
 *
 * @param situation as the watchdog of this host knows it; null: none answers
 */
export async function checkSystem(
  loaded: LoadedConfig,
  outageMs: number,
  situation: () => Promise<(Pick<KnownSituation, "record"> & { readonly seen: Seen }) | null>,
): Promise<SystemCheck> {
  const { config } = loaded;
  const [survey, known] = await Promise.all([surveySystem(loaded), situation()]);
  const findings = {
    ...survey,
    active: known?.record?.phase === "serving" ? known.record.active : null,
    followed: known?.seen.standby?.followers.map(({ leaderIndex }) => leaderIndex) ?? [],
    sites: known?.seen.sites.map(({ site }) => site) ?? null,
    timingViolations: timingViolations(config).map(sentenceOf),
    nowMs: Date.now(),
    outageMs,
  };
  return { checks: judgePreflight(findings, config), leaseEnd: firstLeaseToEnd(findings) };
}

export type SystemCheck = Pick<SystemSurvey, "checks" | "leaseEnd">;

interface Seen {
  readonly sites: readonly { readonly site: string }[];
  readonly standby: { readonly followers: readonly { readonly leaderIndex: string }[] } | null;
}

/** Reads what preflight judges from both regions and every member of etcd. */
async function surveySystem(loaded: LoadedConfig): Promise<Pick<PreflightFindings, "regions" | "storeMembers">> {
  const [regions, storeMembers] = await Promise.all([surveyRegions(loaded), surveyStore(loaded.config)]);
  return { regions, storeMembers };
}

async function surveyRegions(loaded: LoadedConfig): Promise<Readonly<Record<RegionName, RegionFindings>>> {
  const clusters = connectClusters(loaded);
  const names = Object.keys(clusters);
  try {
    const found = Object.entries(clusters).map(async ([name, cluster]) => {
      const other = names.find((candidate) => candidate !== name) ?? name;
      return [name, await surveyRegion(loaded, name, other, cluster)] as const;
    });
    return Object.fromEntries(await Promise.all(found));
  } finally {
    await Promise.all(Object.values(clusters).map((cluster) => cluster.close()));
  }
}

async function surveyRegion(
  loaded: LoadedConfig,
  name: RegionName,
  other: RegionName,
  cluster: Cluster,
): Promise<RegionFindings> {
  const survey = createSurvey(nodesOf(loaded, name), loaded.config.replication);
  try {
    // In sequence: concurrent requests would delay each other, and these measure time.
    const roundTripMs = await finding(survey.roundTripMs());
    const clocks = await finding(survey.clocks());
    const readiness = await finding(cluster.readiness(other, { reconnect: true }));
    const versions = await finding(survey.versions());
    const storage = await finding(survey.storage());
    const retention = await finding(survey.retention());
    const leases = await finding(survey.leases());
    const snapshots = loaded.config.snapshots === null ? null : await finding(cluster.snapshots());
    return { readiness, versions, storage, retention, leases, snapshots, clocks, roundTripMs };
  } finally {
    await survey.close();
  }
}

/** null with a file store. */
async function surveyStore({ store }: WatchdogConfig): Promise<readonly StoreMember[] | null> {
  if (store.kind !== "etcd") return null;
  const { endpoints, hedgeAfterMs, deadlineMs, quotaBytes } = store;
  const client = new EtcdClient({
    endpoints,
    tls: await readEtcdTls(store),
    // A member's status needs no user, so the check works even while authentication does not.
    credentials: null,
    hedgeAfterMs,
    deadlineMs,
    clock: systemClock,
  });
  try {
    return (await client.statuses()).map((status, position) => {
      const endpoint = endpoints[position] ?? "";
      if (status instanceof Error) return { endpoint, problem: status.message, space: null, full: false };
      const full = status.errors.some((error) => error.includes("NOSPACE"));
      return { endpoint, problem: problemOf(status), space: spaceOf(status, quotaBytes), full };
    });
  } finally {
    client.close();
  }
}

function problemOf({ hasLeader, errors, isLearner }: MemberStatus): string | null {
  if (!hasLeader) return "it has no leader";
  if (errors.length > 0) return errors.join(", ");
  return isLearner ? "it is a learner and has no vote" : null;
}
