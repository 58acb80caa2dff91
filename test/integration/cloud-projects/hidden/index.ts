import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "../../../../infra/config/load.ts";
import { Instances } from "../../../../infra/instances/instances.ts";
import { PrivateNetwork } from "../../../../infra/network.ts";
import { hostOutputs } from "../../../../infra/outputs.ts";
import { checkHost, prepareHost } from "../../../../infra/provision/prepared-host.ts";
import { SecurityGroups } from "../../../../infra/security-groups.ts";
import { regionPlan } from "../../../../infra/topology/model.ts";
import { planTopology } from "../../../../infra/topology/plan.ts";

/** The program's own network, hosts, and first and last steps on each: without the software of the hosts' roles. */
const config = parseConfig(pulumi.runtime.allConfig(), { fileOf: (key) => key });
const { serviceName } = config;
const topology = planTopology(config);
const region = regionPlan(topology, config.region);
const network = new PrivateNetwork(region.name, { serviceName, region, network: config.network });
const securityGroups = new SecurityGroups(region.name, { serviceName, region, topology });
const { instances } = new Instances(region.name, { config, region, network, securityGroups });
const parent = new pulumi.ComponentResource("cloud-hidden:index:Steps", "steps");
const setting = { config, topology, egress: network.egress, parent };
for (const instance of instances) {
  const host = prepareHost(setting, instance, []);
  checkHost(setting, host, [host.ready]);
}

export const hosts = hostOutputs(instances, config);
export const sshPrivateKey = pulumi.secret(`${config.sshPrivateKey}\n`);
