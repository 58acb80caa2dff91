import type * as pulumi from "@pulumi/pulumi";
import type { Authority } from "../certificates.ts";
import type { StackConfig } from "../config/schema.ts";
import type { StagedHost } from "../provision/remote.ts";
import type { Host, Topology } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";
import type { UserPasswords } from "./users.ts";

export interface ElasticsearchNodeHost extends StagedHost {
  readonly host: Host;
  readonly dataVolumeId: pulumi.Input<string>;
  readonly flavorId: pulumi.Input<string>;
  /** Step after which packages may be installed. */
  readonly ready: pulumi.Resource;
}

export interface ElasticsearchArgs {
  readonly topology: Topology;
  readonly config: Pick<
    StackConfig,
    | "elasticsearch"
    | "drain"
    | "replication"
    | "remoteClusterSecurity"
    | "remoteKey"
    | "licenceFile"
    | "dataVolume"
    | "snapshots"
    | "snapshotAccessKey"
    | "snapshotSecretKey"
  >;
  readonly authority: Authority;
  /** The region's nodes, in the order in which they are restarted. */
  readonly nodes: readonly ElasticsearchNodeHost[];
  /** Password of the user elastic, which only provisioning uses. */
  readonly elasticPassword: pulumi.Output<string>;
  /** Names of the nodes that form the cluster if it does not exist yet. */
  readonly initialMasterNodes: pulumi.Output<string>;
  readonly passwords: pulumi.Output<UserPasswords>;
}

export function httpUrl(host: Host): string {
  return `https://${host.privateIp}:${ports.elasticsearchHttp}`;
}
