import * as pulumi from "@pulumi/pulumi";
import { Instances } from "../../../../infra/instances/instances.ts";
import { PrivateNetwork } from "../../../../infra/network.ts";
import { SecurityGroups } from "../../../../infra/security-groups.ts";
import { regionPlan } from "../../../../infra/topology/model.ts";
import { planTopology } from "../../../../infra/topology/plan.ts";

/** The program's own network, security groups and SSH key of a region that has no hosts. */
const serviceName = "0123456789abcdef0123456789abcdef";
const network = { cidr: "192.168.0.0/16", vlanId: 42 };
const place = {
  ...{ zones: ["z1"], availabilityZones: false, elasticsearchNodes: 0, haproxyNodes: 0 },
  publicAddresses: "all" as const,
  gatewayModel: "S" as const,
};
const topology = planTopology({
  regions: {
    gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", ...place },
    bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", ...place },
  },
  witness: null,
  network,
  adminCidrs: ["203.0.113.7/32"],
  clientCidrs: [],
});
/** The stack is the region. */
const site = pulumi.getStack();
const region = regionPlan(topology, site);
const net = new PrivateNetwork(site, { serviceName, region, network });
new Instances(site, {
  config: {
    serviceName,
    network,
    flavors: { elasticsearch: "b3-16", haproxy: "b3-8", witness: "d2-2" },
    image: "Debian 13",
    dataVolume: { sizeGb: 1, type: "CLASSIC" },
    protect: true,
    sshPublicKey: new pulumi.Config().require("publicKey"),
  },
  region,
  network: net,
  securityGroups: new SecurityGroups(site, { serviceName, region, topology }),
});

/** Of hosts that are not there: where the watchdogs would be asked. */
export const hosts = {
  [`${site}-haproxy-1`]: { role: "haproxy", privateIp: "192.168.0.9", publicIp: `203.0.113.${site === "gra" ? 1 : 2}` },
};
export const sshPrivateKey = pulumi.secret("a private key");
