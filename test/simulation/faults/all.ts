import { clusterFaults } from "./clusters.ts";
import { etcdFaults } from "./etcd.ts";
import type { Fault } from "./fault.ts";
import { hookFaults } from "./hooks.ts";
import { hostFaults } from "./hosts.ts";
import { indexFaults } from "./indices.ts";
import { networkFaults } from "./network.ts";
import { operatorFaults } from "./operators.ts";
import { powerFaults } from "./power.ts";
import { replicationFaults } from "./replication.ts";
import { routerFaults } from "./routers.ts";
import { storeFaults } from "./store.ts";

export const faults: readonly Fault[] = [
  ...clusterFaults,
  ...replicationFaults,
  ...indexFaults,
  ...operatorFaults,
  ...powerFaults,
  ...networkFaults,
  ...storeFaults,
  ...etcdFaults,
  ...hostFaults,
  ...routerFaults,
  ...hookFaults,
];
