import * as ovh from "@ovhcloud/pulumi-ovh";
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();
const serviceName = "test-project";
const adminCidr = config.require("adminCidr");
const openPorts = config
  .require("openPorts")
  .split(",")
  .filter((port) => port !== "")
  .map(Number);

const key = new tls.PrivateKey("operator", { algorithm: "ED25519" });
const sshKey = new ovh.CloudSSHKey("operator", { serviceName, name: "operator", publicKey: key.publicKeyOpenssh });

function tcp(port: number, remoteIpPrefix: string): ovh.types.input.CloudSecurityGroupRule {
  return {
    direction: "INGRESS",
    ethernetType: "IPV4",
    protocol: "TCP",
    portRangeMin: port,
    portRangeMax: port,
    remoteIpPrefix,
  };
}

interface Place {
  readonly name: string;
  readonly region: string;
  readonly ip: string;
  readonly pool: { readonly start: string; readonly end: string };
  readonly ports: readonly number[];
}

function host({ name, region, ip, pool, ports }: Place): ovh.CloudInstance {
  const place = { serviceName, region };
  const network = new ovh.CloudNetworkPrivateVrack(name, { ...place, name, vlanId: 42 });
  const subnet = new ovh.CloudNetworkPrivateVrackSubnet(name, {
    ...place,
    name,
    networkId: network.id,
    cidr: "192.168.0.0/16",
    allocationPools: [pool],
  });
  const group = new ovh.CloudSecurityGroup(name, {
    ...place,
    name,
    rules: [tcp(22, adminCidr), ...ports.map((port) => tcp(port, "192.168.0.0/16"))],
  });
  const spread = new ovh.CloudInstanceGroup(name, { ...place, name, policy: "ANTI_AFFINITY" });
  const volume = new ovh.CloudStorageBlockVolume(name, { ...place, name, size: 1 });
  const flavors = ovh.getCloudInstanceFlavorsOutput(place).flavors;
  const images = ovh.getCloudInstanceImagesOutput(place).images;
  return new ovh.CloudInstance(name, {
    ...place,
    name,
    flavorId: flavors.apply((all) => all.find((flavor) => flavor.name === "b3-8")?.id ?? ""),
    imageId: images.apply((all) => all.find((image) => image.name === "Debian 13")?.id ?? ""),
    groupId: spread.id,
    sshKeyName: sshKey.name,
    securityGroupIds: [group.id],
    networks: [{ autoAssignPublicIp: true }, { networkId: network.id, subnetId: subnet.id, ip }],
    volumeIds: [volume.id],
  });
}

const first = host({
  name: "first",
  region: "GRA11",
  ip: "192.168.1.11",
  pool: { start: "192.168.1.201", end: "192.168.1.250" },
  ports: openPorts,
});
const second = host({
  name: "second",
  region: "BHS5",
  ip: "192.168.2.11",
  pool: { start: "192.168.2.201", end: "192.168.2.250" },
  ports: [],
});

const publicIp = (instance: ovh.CloudInstance) =>
  instance.currentState.apply(({ networks }) => networks[0]?.addresses[0]?.ip ?? "");
const connectionTo = (instance: ovh.CloudInstance) => ({
  host: publicIp(instance),
  user: "debian",
  privateKey: key.privateKeyOpenssh,
});

const stdinSecret = pulumi.secret("a secret that must not show");
const named = new remote.Command("named", {
  connection: connectionTo(first),
  create: 'sudo hostname; stty_input=$(cat); printf %s "$stty_input" | wc -c',
  stdin: stdinSecret,
  logging: "none",
  addPreviousOutputInEnv: false,
});
const copied = new remote.CopyToRemote("copied", {
  connection: connectionTo(first),
  remotePath: config.require("copyPath"),
  source: new pulumi.asset.StringAsset("copied text\n"),
});
const directory = new remote.CopyToRemote("directory", {
  connection: connectionTo(second),
  remotePath: "/tmp/project",
  source: new pulumi.asset.FileArchive(`${import.meta.dirname}/`),
});
const listed = new remote.Command(
  "listed",
  { connection: connectionTo(second), create: "stat -c '%n %a' /tmp/project/*", addPreviousOutputInEnv: false },
  { dependsOn: directory },
);
const read = new remote.Command(
  "read",
  {
    connection: connectionTo(first),
    create: pulumi.interpolate`cat ${copied.remotePath}`,
    triggers: [config.require("fileSuffix")],
    delete: "sudo touch /deleted",
    // Else a variable holds it, which sshd refuses at the deletion.
    addPreviousOutputInEnv: false,
  },
  { dependsOn: copied },
);

export const addresses = { first: publicIp(first), second: publicIp(second) };
export const instanceIds = { first: first.id, second: second.id };
export const hostIds = [first, second].map(({ currentState }) => currentState.hostId);
export const status = first.resourceStatus;
export const name = named.stdout;
export const copy = read.stdout;
export const listing = listed.stdout;
