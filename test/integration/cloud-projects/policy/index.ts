import * as ovh from "@ovhcloud/pulumi-ovh";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { Declared } from "../../../../infra/declared.ts";

const config = new pulumi.Config();
const place = { serviceName: "0123456789abcdef0123456789abcdef", region: "GRA11" };

const host = (name: string, role: "elasticsearch" | "haproxy", site: string, privateIp: string) => ({
  name,
  role,
  site,
  privateIp,
  hasPublicAddress: name !== "gra-es-2",
  isMember: role === "haproxy",
});

/** Both regions on one campus, an even number of nodes and of members, a heap of three quarters of the memory. */
const declared: Declared = {
  site: "gra",
  sites: [
    { name: "gra", ovhRegion: "GRA11", cidr: "192.168.1.0/24" },
    { name: "bhs", ovhRegion: "GRA9", cidr: "192.168.1.128/25" },
  ],
  hosts: [
    host("gra-es-1", "elasticsearch", "gra", "192.168.1.11"),
    host("gra-es-2", "elasticsearch", "gra", "192.168.1.12"),
    host("gra-haproxy-1", "haproxy", "gra", "192.168.1.101"),
    host("bhs-haproxy-1", "haproxy", "bhs", "192.168.1.201"),
  ],
  administrators: { key: "adminCidrs", cidrs: ["203.0.113.7/32"] },
  flavors: { elasticsearch: "b3-16", haproxy: "b3-8", witness: "d2-2" },
  heap: "12g",
  remoteClusterSecurity: "certificate",
  versions: { elasticsearch: "9.x", image: "Debian 13" },
};

class Region extends pulumi.ComponentResource {
  constructor(name: string) {
    super("es-failover:index:Region", name);
    this.registerOutputs({ declared });
  }
}
new Region("gra");

const rule = (port: number, remoteIpPrefix: string) => ({
  direction: "INGRESS",
  ethernetType: "IPV4",
  protocol: "TCP",
  portRangeMin: port,
  portRangeMax: port,
  remoteIpPrefix,
});
const group = new ovh.CloudSecurityGroup("gra-elasticsearch", {
  ...place,
  name: "es-failover-gra-elasticsearch",
  rules: [
    rule(22, "198.51.100.0/24"),
    rule(80, "192.168.0.0/16"),
    rule(9200, "0.0.0.0/0"),
    rule(9300, "192.168.0.0/16"),
  ],
});
const together = new ovh.CloudInstanceGroup("gra-together", { ...place, name: "together", policy: "AFFINITY" });
const images = ovh.getCloudInstanceImagesOutput(place).images;
const flavors = ovh.getCloudInstanceFlavorsOutput(place).flavors;
const instance = (name: string, extra: Partial<ovh.CloudInstanceArgs>) =>
  new ovh.CloudInstance(name, {
    ...place,
    name,
    imageId: images.apply(([first]) => first?.id ?? ""),
    flavorId: flavors.apply(([first]) => first?.id ?? ""),
    networks: [{ autoAssignPublicIp: true }],
    ...extra,
  });
instance("gra-es-1", { securityGroupIds: [group.id] });
instance("gra-es-2", { groupId: together.id });

const key = new tls.PrivateKey("gra-es-1-key", { algorithm: "ED25519" });
const request = new tls.CertRequest("gra-es-1-request", { privateKeyPem: key.privateKeyPem });
new tls.LocallySignedCert("gra-es-1-certificate", {
  certRequestPem: request.certRequestPem,
  caCertPem: config.require("authority"),
  caPrivateKeyPem: config.requireSecret("authorityKey"),
  validityPeriodHours: 24,
  allowedUses: ["server_auth"],
});

const password = config.requireSecret("password");
new command.local.Command("in-the-text", {
  create: pulumi.interpolate`curl --user elastic:${password} https://localhost`,
});
new command.local.Command("in-the-input", { create: "cat", stdin: config.require("authorityKey") });
// Before the command that marks the same text as a secret.
const early = new command.local.Command("in-the-environment", {
  create: "env",
  environment: { TOKEN: config.require("password") },
});
const stdin = password.apply((secret) => JSON.stringify({ elasticPassword: secret }));
new command.local.Command("as-it-should-be", { create: "cat", stdin: pulumi.secret(stdin) }, { dependsOn: early });
new command.remote.Command("plain-haproxy", {
  connection: { host: "192.0.2.1" },
  create: "cat",
  stdin: JSON.stringify({ files: [{ path: "/etc/haproxy/haproxy.cfg", content: "frontend entry\n  bind :9200\n" }] }),
});
