import * as pulumi from "@pulumi/pulumi";
import type { StepOptions } from "../provision/remote.ts";
import type { ElasticsearchArgs } from "./args.ts";
import { clusterWide, drainNode, remoteCluster, takeSnapshots } from "./cluster-steps.ts";
import { roll, startedNode } from "./node-steps.ts";

export const elasticsearchScripts = [
  "instances/data-volume.sh",
  "elasticsearch/install.sh",
  "elasticsearch/secrets.sh",
  "elasticsearch/file-users.py",
  "elasticsearch/start.sh",
  "elasticsearch/cluster-api.sh",
  "elasticsearch/roll.sh",
  "elasticsearch/cluster.sh",
  "elasticsearch/drain.sh",
  "elasticsearch/snapshots.sh",
  "elasticsearch/remote-cluster.sh",
  "elasticsearch/cross-cluster-keys.sh",
];

/**
 * The region's Elasticsearch cluster. All nodes are installed, configured and, where they do not run, started in
 * parallel, so that a new cluster can form. A rolling restart follows: one node at a time, only where the node runs an
 * older configuration, certificate or version, and the next node only once the cluster is green again.
 */
export class Elasticsearch extends pulumi.ComponentResource {
  /** Step after which the cluster is green and has its users. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: ElasticsearchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:elasticsearch:Elasticsearch", name, {}, opts);
    const started = args.nodes.map((node) => startedNode(node, args, this));
    let previous: readonly pulumi.Resource[] = started.map(({ step }) => step);
    for (const node of started) previous = [roll(node, args, { parent: this, after: previous })];
    const [first] = args.nodes;
    if (first === undefined) throw new Error("A region needs at least one Elasticsearch node");
    const after = (...steps: readonly pulumi.Resource[]): StepOptions => ({ parent: this, after: steps });
    const configured = clusterWide(first, args, after(...previous));
    const drained = drainNode(first, args, after(configured));
    const connected = remoteCluster(first, args, after(drained)) ?? drained;
    this.ready = takeSnapshots(first, args, after(connected)) ?? connected;
    this.registerOutputs({});
  }
}
