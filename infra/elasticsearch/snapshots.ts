import { SNAPSHOT_POLICY, SNAPSHOT_REPOSITORY } from "../../watchdog/config/snapshots.ts";
import type { StackConfig } from "../config/schema.ts";
import { otherRegion, type Topology } from "../topology/model.ts";

/** Repositories and policy of a region's snapshots, and what its nodes need for them. They follow from no role: both regions take snapshots. */

type SnapshotsConfig = NonNullable<StackConfig["snapshots"]>;

/** Name of the S3 client in the nodes' settings and keystores, apart from a `default` of the user's own. */
const client = "es_failover";

interface SnapshotInput {
  readonly repositories: Readonly<Record<string, ReturnType<typeof repository>>>;
  readonly policyId: string;
  readonly policy: ReturnType<typeof policy>;
}

/** Lines of elasticsearch.yml. */
export function snapshotClientSettings(snapshots: StackConfig["snapshots"]): string | null {
  if (snapshots === null) return null;
  return `# Where snapshots go; the keys are in the keystore.
s3.client.${client}.endpoint: https://${snapshots.endpoint}
s3.client.${client}.region: ${snapshots.region}
`;
}

/** Entries of the keystore. */
export function snapshotKeystore({
  snapshots,
  snapshotAccessKey,
  snapshotSecretKey,
}: Pick<StackConfig, "snapshots" | "snapshotAccessKey" | "snapshotSecretKey">): Readonly<Record<string, string>> {
  if (snapshots === null || snapshotAccessKey === undefined || snapshotSecretKey === undefined) return {};
  return {
    [`s3.client.${client}.access_key`]: snapshotAccessKey,
    [`s3.client.${client}.secret_key`]: snapshotSecretKey,
  };
}

/** Input of snapshots.sh, without its address and password. */
export function snapshotInput(
  snapshots: SnapshotsConfig,
  {
    topology,
    region,
    patterns,
  }: { readonly topology: Topology; readonly region: string; readonly patterns: readonly string[] },
): SnapshotInput {
  const other = otherRegion(topology, region).name;
  return {
    repositories: {
      [SNAPSHOT_REPOSITORY]: repository(snapshots, region, false),
      // To restore from after the other region was lost. Only one cluster may write to a path.
      [`${SNAPSHOT_REPOSITORY}-${other}`]: repository(snapshots, other, true),
    },
    policyId: SNAPSHOT_POLICY,
    policy: policy(snapshots, patterns),
  };
}

function repository({ bucket, basePath, conditionalWrites }: SnapshotsConfig, region: string, readonly: boolean) {
  return {
    type: "s3",
    settings: {
      client,
      bucket,
      base_path: `${basePath}/${region}`,
      readonly,
      ...(conditionalWrites ? {} : { unsafely_incompatible_with_s3_conditional_writes: true }),
    },
  };
}

function policy({ schedule, expireAfter, minCount, maxCount }: SnapshotsConfig, patterns: readonly string[]) {
  return {
    schedule,
    name: `<${SNAPSHOT_POLICY}-{now/d}>`,
    repository: SNAPSHOT_REPOSITORY,
    config: {
      indices: patterns,
      ignore_unavailable: true,
      // Elasticsearch closes no index that is in a snapshot, unless that may be partial: a promotion would have to wait. Lifecycle
      // management counts a snapshot that lacks shards as failed all the same.
      partial: true,
      // Templates, policies and pipelines, but no users.
      include_global_state: true,
      feature_states: ["none"],
    },
    retention: { expire_after: expireAfter, min_count: minCount, max_count: maxCount },
  };
}
