import { beforeEach, describe, expect, test, vi } from "vitest";
import { flavorsOf, getCloudInstanceFlavors, getCloudInstanceImages, imagesOf } from "../../lab/cloud/ovh/catalog.ts";
import type { Cloud, CloudHosts } from "../../lab/cloud/ovh/cloud.ts";
import { ovhPackage } from "../../lab/cloud/ovh/package.ts";
import { type CloudState, emptyState } from "../../lab/cloud/ovh/state.ts";
import * as operations from "../../lab/cloud/protocol/operations.ts";
import type { Call } from "../../lab/cloud/protocol/package.ts";
import { type PropertyMap, type PropertyValue, unknown } from "../../lab/cloud/protocol/values.ts";
import type { HostSpec, HostVolume, IngressRule } from "../../lab/hosts/types.ts";

interface PretendHost {
  readonly spec: HostSpec;
  ingress: readonly IngressRule[];
  power: "running" | "off";
  volumes: HostVolume[];
}

/** A cloud in memory whose hosts are records. `failing` names a host that does not boot. */
class PretendCloud implements Cloud {
  current: CloudState = emptyState();
  readonly made = new Map<string, PretendHost>();
  failing: string | undefined;
  /** Hosts in the order in which they booted again. */
  readonly boots: string[] = [];
  /** Open gateways' addresses, by region. */
  readonly gateways = new Map<string, string>();

  async state(): Promise<CloudState> {
    return structuredClone(this.current);
  }

  async transaction<T>(change: (state: CloudState) => Promise<T> | T): Promise<T> {
    const state = structuredClone(this.current);
    const result = await change(state);
    this.current = state;
    return result;
  }

  async hosts(): Promise<CloudHosts> {
    const { made, gateways } = this;
    const find = (name: string): PretendHost => {
      const host = made.get(name);
      if (host === undefined) throw new Error(`no host ${name}`);
      return host;
    };
    return {
      addHost: async (spec) => {
        if (spec.name === this.failing) throw new Error("the host does not boot");
        made.set(spec.name, { spec, ingress: spec.ingress, power: "running", volumes: [...spec.volumes] });
        return { name: spec.name, ...(spec.isPrivate ? {} : { publicIp: `10.81.0.${10 + made.size}` }) };
      },
      removeHost: async (name) => {
        made.delete(name);
      },
      host: async (name) => {
        const host = made.get(name);
        if (host === undefined) return undefined;
        return { name, region: host.spec.region, publicIp: "10.81.0.11", power: host.power, volumes: host.volumes };
      },
      kill: async (name) => {
        find(name).power = "off";
      },
      start: async (name) => {
        find(name).power = "running";
        this.boots.push(name);
      },
      setIngress: async (name, ingress) => {
        find(name).ingress = ingress;
      },
      createVolume: async () => undefined,
      deleteVolume: async () => undefined,
      attachVolume: async (name, volume) => {
        find(name).volumes.push(volume);
      },
      detachVolume: async (name, id) => {
        const host = find(name);
        host.volumes = host.volumes.filter((volume) => volume.id !== id);
      },
      openGateway: async (region, address) => {
        gateways.set(region, address);
        return "10.81.0.2";
      },
      closeGateway: async (region) => {
        gateways.delete(region);
      },
    };
  }
}

const call: Call = { urn: "urn", name: "made", signal: new AbortController().signal, log: () => undefined };
const project = { serviceName: "p", region: "GRA11" };
const tokens = {
  key: "ovh:index/cloudSSHKey:CloudSSHKey",
  network: "ovh:index/cloudNetworkPrivateVrack:CloudNetworkPrivateVrack",
  subnet: "ovh:index/cloudNetworkPrivateVrackSubnet:CloudNetworkPrivateVrackSubnet",
  gateway: "ovh:index/cloudGateway:CloudGateway",
  group: "ovh:index/cloudSecurityGroup:CloudSecurityGroup",
  spread: "ovh:index/cloudInstanceGroup:CloudInstanceGroup",
  volume: "ovh:index/cloudStorageBlockVolume:CloudStorageBlockVolume",
  instance: "ovh:index/cloudInstance:CloudInstance",
  record: "ovh:Domain/zoneRecord:ZoneRecord",
} as const;
type Token = keyof typeof tokens;

let cloud: PretendCloud;

function served(token: Token): operations.Served {
  return operations.served(ovhPackage(cloud), tokens[token]);
}

function violations(token: Token, news: PropertyMap): readonly string[] {
  const request = { news, olds: undefined, name: "made", seed: Buffer.from("seed") };
  return operations.check(ovhPackage(cloud), served(token), request).violations.map(({ property }) => property);
}

/** Checks and creates as the engine does. */
async function make(token: Token, news: PropertyMap): Promise<{ id: string; outputs: PropertyMap }> {
  const request = { news, olds: undefined, name: "made", seed: Buffer.from("seed") };
  const checked = operations.check(ovhPackage(cloud), served(token), request);
  expect(checked.violations).toEqual([]);
  return operations.create(served(token), checked.inputs, call);
}

async function update(token: Token, id: string, news: PropertyMap): Promise<PropertyMap> {
  return operations.update(served(token), id, { inputs: {}, outputs: {} }, { name: "made", ...news }, call);
}

async function remove(token: Token, id: string): Promise<void> {
  await served(token).type.delete?.(id, { inputs: {}, outputs: {} }, call);
}

const tcp = (port: number, remote: PropertyMap): PropertyMap => ({
  direction: "INGRESS",
  ethernetType: "IPV4",
  protocol: "TCP",
  portRangeMin: port,
  portRangeMax: port,
  ...remote,
});

async function makeNetwork(
  region: string,
  pool: string,
  gatewayIp?: string,
): Promise<{ networkId: string; subnetId: string }> {
  const place = { serviceName: "p", region };
  const network = await make("network", { ...place, name: `net-${region}`, vlanId: 42 });
  const allocationPools = [{ start: `${pool}.201`, end: `${pool}.250` }];
  const subnet = await make("subnet", {
    ...place,
    name: `sub-${region}`,
    networkId: network.id,
    cidr: "192.168.0.0/16",
    allocationPools,
    ...(gatewayIp === undefined ? {} : { gatewayIp }),
  });
  return { networkId: network.id, subnetId: subnet.id };
}

/** A program's inputs of an instance in GRA11. */
function instanceInputs(name: string, changed: PropertyMap = {}): PropertyMap {
  return {
    ...project,
    name,
    flavorId: flavorsOf("GRA11")[0]?.id ?? "",
    imageId: imagesOf("GRA11")[0]?.id ?? "",
    networks: [{ autoAssignPublicIp: true }],
    ...changed,
  };
}

const onNetwork = (network: PropertyMap, ip?: string): PropertyValue => [
  { autoAssignPublicIp: true },
  { ...network, ...(ip === undefined ? {} : { ip }) },
];

beforeEach(() => {
  cloud = new PretendCloud();
});

describe("the preview refuses inputs that are wrong by themselves", () => {
  test.each([
    ["a region that the lab does not have", "volume", { ...project, region: "SYD1", size: 1 }, "region"],
    ["a network without a VLAN", "network", project, "vlanId"],
    [
      "a subnet that leaves the other region unreachable",
      "subnet",
      { ...project, networkId: "n", cidr: "192.168.1.0/24" },
      "cidr",
    ],
    [
      "a gateway outside the subnet",
      "subnet",
      { ...project, networkId: "n", cidr: "192.168.0.0/16", gatewayIp: "10.0.0.1" },
      "gatewayIp",
    ],
    ["an unknown policy", "spread", { ...project, policy: "SPREAD" }, "policy"],
    ["an unknown volume type", "volume", { ...project, size: 1, volumeType: "FAST" }, "volumeType"],
    ["a text that is not a key", "key", { serviceName: "p", publicKey: "hello" }, "publicKey"],
    [
      "a rule in the wrong spelling",
      "group",
      { ...project, rules: [{ ...tcp(22, {}), protocol: "tcp" }] },
      "rules[0].protocol",
    ],
    [
      "a port without a protocol",
      "group",
      { ...project, rules: [{ direction: "INGRESS", ethernetType: "IPV4", portRangeMin: 1, portRangeMax: 2 }] },
      "rules[0].portRangeMin",
    ],
    [
      "a rule with two kinds of remote",
      "group",
      { ...project, rules: [tcp(22, { remoteIpPrefix: "10.0.0.0/8", remoteGroupId: "g" })] },
      "rules[0].remoteGroupId",
    ],
    ["an instance without an interface", "instance", instanceInputs("a", { networks: [] }), "networks"],
    [
      "an instance with two public interfaces",
      "instance",
      instanceInputs("a", { networks: [{ autoAssignPublicIp: true }, { autoAssignPublicIp: true }] }),
      "networks",
    ],
    [
      "a gateway to the internet without a model",
      "gateway",
      { ...project, externalGateway: { enabled: true } },
      "externalGateway.model",
    ],
    [
      "a gateway of an unknown model",
      "gateway",
      { ...project, externalGateway: { enabled: true, model: "s" } },
      "externalGateway.model",
    ],
    [
      "a private interface without a subnet",
      "instance",
      instanceInputs("a", { networks: [{ autoAssignPublicIp: true }, { networkId: "n" }] }),
      "networks[1]",
    ],
    ["a name that is not a host name", "instance", instanceInputs("Not A Host"), "name"],
    [
      "an availability zone where there is one only",
      "instance",
      instanceInputs("a", { availabilityZone: "z1" }),
      "availabilityZone",
    ],
  ] as const)("%s", (_, token, inputs, property) => {
    expect(violations(token, inputs)).toContain(property);
  });

  test("values that are not known yet pass", () => {
    const networks = [{ autoAssignPublicIp: true }, { networkId: unknown, subnetId: unknown, ip: "192.168.1.11" }];
    const inputs = instanceInputs("a", { flavorId: unknown, imageId: unknown, networks, securityGroupIds: [unknown] });
    expect(violations("instance", inputs)).toEqual([]);
  });
});

describe("creation refuses what contradicts other resources", () => {
  test("a subnet in another region than its network", async () => {
    const { id: networkId } = await make("network", { ...project, vlanId: 42 });
    const subnet = { serviceName: "p", region: "BHS5", networkId, cidr: "192.168.0.0/16" };
    await expect(make("subnet", subnet)).rejects.toThrow("declared in BHS5, but its network");
  });

  test("a second VLAN, from which hosts would not reach the first", async () => {
    await make("network", { ...project, vlanId: 42 });
    await expect(make("network", { ...project, region: "BHS5", vlanId: 43 })).rejects.toThrow("carries one VLAN");
  });

  test("overlapping pools of two regions", async () => {
    await makeNetwork("GRA11", "192.168.1");
    await expect(makeNetwork("BHS5", "192.168.1")).rejects.toThrow("overlaps one of the subnet sub-GRA11");
  });

  test.each([
    ["outside the subnet", "10.0.0.5", "is not in the subnet"],
    ["of the gateway", "192.168.0.1", "gateway"],
    ["of another region", "192.168.2.11", "is not an address for hosts of region gra"],
  ])("an address %s", async (_, ip, reason) => {
    const network = await makeNetwork("GRA11", "192.168.1");
    await expect(make("instance", instanceInputs("a", { networks: onNetwork(network, ip) }))).rejects.toThrow(reason);
  });

  test("an address that another instance has", async () => {
    const network = await makeNetwork("GRA11", "192.168.1");
    await make("instance", instanceInputs("a", { networks: onNetwork(network, "192.168.1.11") }));
    const second = instanceInputs("b", { networks: onNetwork(network, "192.168.1.11") });
    await expect(make("instance", second)).rejects.toThrow("192.168.1.11 is taken by the instance a");
  });

  test("a volume of another instance", async () => {
    const { id } = await make("volume", { ...project, size: 1 });
    await make("instance", instanceInputs("a", { volumeIds: [id] }));
    await expect(make("instance", instanceInputs("b", { volumeIds: [id] }))).rejects.toThrow(
      "attached to the instance a",
    );
  });

  test.each([
    ["an unknown security group", { securityGroupIds: ["none"] }, "There is no security group none in GRA11"],
    ["an unknown SSH key", { sshKeyName: "none" }, "There is no SSH key none"],
    ["an unknown instance group", { groupId: "none" }, "There is no instance group none"],
    ["another region's flavor", { flavorId: flavorsOf("BHS5")[0]?.id ?? "" }, "has no flavor with the id"],
  ])("%s", async (_, changed, reason) => {
    await expect(make("instance", instanceInputs("a", changed))).rejects.toThrow(reason);
  });

  test("a security group of another region", async () => {
    const { id } = await make("group", { ...project, region: "BHS5" });
    await expect(make("instance", instanceInputs("a", { securityGroupIds: [id] }))).rejects.toThrow("in GRA11");
  });
});

describe("a gateway", () => {
  const external = { enabled: true, model: "S" };

  test("is open at its subnet's gateway address for as long as it is there and leads outside", async () => {
    const { subnetId } = await makeNetwork("GRA11", "192.168.1", "192.168.1.1");
    const inputs = { ...project, externalGateway: external, subnetIds: [subnetId] };
    const { id, outputs } = await make("gateway", inputs);
    expect([...cloud.gateways]).toEqual([["gra", "192.168.1.1"]]);
    expect(outputs["currentState"]).toMatchObject({
      status: "ACTIVE",
      externalIp: "10.81.0.2",
      subnets: [{ id: subnetId }],
    });
    await update("gateway", id, { ...inputs, externalGateway: { enabled: false } });
    expect([...cloud.gateways]).toEqual([]);
    await update("gateway", id, inputs);
    expect([...cloud.gateways]).toEqual([["gra", "192.168.1.1"]]);
    await remove("gateway", id);
    expect([...cloud.gateways]).toEqual([]);
  });

  test.each([
    ["of another region", { region: "BHS5" }, "There is no subnet"],
    ["that does not exist", { subnetIds: ["none"] }, "There is no subnet none in GRA11"],
  ])("refuses a subnet %s", async (_, changes, reason) => {
    const { subnetId } = await makeNetwork("GRA11", "192.168.1", "192.168.1.1");
    const inputs = { ...project, externalGateway: external, subnetIds: [subnetId], ...changes };
    await expect(make("gateway", inputs)).rejects.toThrow(reason);
  });

  test("refuses an address that another gateway of the VLAN has, in any region, or an instance", async () => {
    const first = await makeNetwork("GRA11", "192.168.1", "192.168.1.1");
    const second = await makeNetwork("BHS5", "192.168.2", "192.168.1.1");
    await make("gateway", { ...project, externalGateway: external, subnetIds: [first.subnetId] });
    const rival = { serviceName: "p", region: "BHS5", externalGateway: external, subnetIds: [second.subnetId] };
    await expect(make("gateway", rival)).rejects.toThrow(/409 Conflict: 192\.168\.1\.1 is in use by the gateway/);
    const instance = instanceInputs("a", { networks: [{ ...first, ip: "192.168.1.1" }] });
    await expect(make("instance", instance)).rejects.toThrow("gateway");
  });

  test("keeps its subnet, and the subnet its gateway address, while it is attached", async () => {
    const { networkId, subnetId } = await makeNetwork("GRA11", "192.168.1", "192.168.1.1");
    const { id } = await make("gateway", { ...project, externalGateway: external, subnetIds: [subnetId] });
    await expect(remove("subnet", subnetId)).rejects.toThrow("is in use by the gateway");
    const inputs = { ...project, networkId, cidr: "192.168.0.0/16", allocationPools: [{ start: "192.168.1.201" }] };
    await expect(update("subnet", subnetId, { ...inputs, gatewayIp: "192.168.1.2" })).rejects.toThrow("409 Conflict");
    await remove("gateway", id);
    await update("subnet", subnetId, { ...inputs, gatewayIp: "192.168.1.2" });
    await remove("subnet", subnetId);
  });

  test("cannot have an address that DHCP may give to a host", async () => {
    await expect(makeNetwork("GRA11", "192.168.1", "192.168.1.205")).rejects.toThrow(
      "the gateway ip 192.168.1.205 conflicts with the pool 192.168.1.201 to 192.168.1.250",
    );
  });
});

describe("an instance", () => {
  test("is a lab host with its keys, address, volumes and firewall", async () => {
    const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    await make("key", { serviceName: "p", name: "operator", publicKey });
    const network = await makeNetwork("GRA11", "192.168.1");
    const { id: groupId } = await make("group", { ...project, rules: [tcp(22, { remoteIpPrefix: "10.80.0.0/24" })] });
    const { id: volumeId } = await make("volume", { ...project, size: 3 });
    const { outputs } = await make(
      "instance",
      instanceInputs("a", {
        sshKeyName: "operator",
        securityGroupIds: [groupId],
        volumeIds: [volumeId],
        networks: onNetwork(network, "192.168.1.11"),
      }),
    );
    expect(cloud.made.get("a")?.spec).toEqual({
      name: "a",
      region: "gra",
      privateIp: "192.168.1.11",
      // What DHCP offers, as on OVHcloud, also where there is no gateway.
      gatewayIp: "192.168.0.1",
      authorizedKeys: [publicKey],
      volumes: [{ id: volumeId, sizeGiB: 3 }],
      ingress: [{ protocol: "tcp", ports: [22, 22], sources: ["10.80.0.0/24"] }],
    });
    expect(outputs).toMatchObject({
      resourceStatus: "READY",
      powerState: "ACTIVE",
      currentState: {
        flavor: { name: "d2-2" },
        networks: [
          { addresses: [{ ip: "10.81.0.11", type: "FIXED", version: 4 }], subnetId: null },
          { addresses: [{ ip: "192.168.1.11", type: "FIXED", version: 4 }], subnetId: network.subnetId },
        ],
      },
    });
  });

  test("without a public interface is a private host, which has no public address in its outputs either", async () => {
    const network = await makeNetwork("GRA11", "192.168.1", "192.168.1.1");
    const { outputs } = await make("instance", instanceInputs("a", { networks: [{ ...network, ip: "192.168.1.11" }] }));
    expect(cloud.made.get("a")?.spec).toMatchObject({ isPrivate: true, gatewayIp: "192.168.1.1" });
    expect(outputs["currentState"]).toMatchObject({ networks: [{ addresses: [{ ip: "192.168.1.11" }] }] });
  });

  test("without a pinned address gets the first free one of the pool", async () => {
    const network = await makeNetwork("GRA11", "192.168.1");
    await make("instance", instanceInputs("a", { networks: onNetwork(network) }));
    await make("instance", instanceInputs("b", { networks: onNetwork(network) }));
    expect([...cloud.made.values()].map(({ spec }) => spec.privateIp)).toEqual(["192.168.1.201", "192.168.1.202"]);
  });

  test("accepts everything without securityGroupIds, as the default group does, and nothing with an empty list", async () => {
    await make("instance", instanceInputs("open"));
    await make("instance", instanceInputs("closed", { securityGroupIds: [] }));
    const protocols = cloud.made.get("open")?.ingress.map(({ protocol, sources }) => [protocol, ...sources]);
    expect(protocols).toEqual([
      ["tcp", "0.0.0.0/0"],
      ["udp", "0.0.0.0/0"],
      ["icmp", "0.0.0.0/0"],
      ["vrrp", "0.0.0.0/0"],
    ]);
    expect(cloud.made.get("closed")?.ingress).toEqual([]);
  });

  test("that does not boot leaves nothing", async () => {
    cloud.failing = "a";
    await expect(make("instance", instanceInputs("a"))).rejects.toThrow("the host does not boot");
    expect(cloud.current.instances).toEqual({});
    cloud.failing = undefined;
    await make("instance", instanceInputs("a"));
  });

  test("whose creating process died frees its name", async () => {
    await make("instance", instanceInputs("a"));
    const [id = ""] = Object.keys(cloud.current.instances);
    const instance = cloud.current.instances[id];
    const noSuchProcess = 2 ** 22 + 1;
    if (instance !== undefined) cloud.current.instances[id] = { ...instance, creator: noSuchProcess };
    const { id: second } = await make("instance", instanceInputs("a"));
    expect(Object.keys(cloud.current.instances)).toEqual([second]);
  });

  test("changes power, volumes and size in place", async () => {
    const { id: volumeId } = await make("volume", { ...project, size: 1 });
    const { id } = await make("instance", instanceInputs("a"));
    await update("instance", id, instanceInputs("a", { powerState: "SHUTOFF", volumeIds: [volumeId] }));
    expect(cloud.made.get("a")).toMatchObject({ power: "off", volumes: [{ id: volumeId }] });
    const flavorId = flavorsOf("GRA11")[1]?.id ?? "";
    cloud.boots.length = 0;
    await update("instance", id, instanceInputs("a", { powerState: "ACTIVE", flavorId }));
    expect(cloud.made.get("a")).toMatchObject({ power: "running", volumes: [] });
    expect(cloud.current.instances[id]?.flavorId).toBe(flavorId);
    expect(cloud.boots).toEqual(["a"]);
  });

  test("that is running restarts when its flavor changes", async () => {
    const { id } = await make("instance", instanceInputs("a"));
    await update("instance", id, instanceInputs("a", { flavorId: flavorsOf("GRA11")[1]?.id ?? "" }));
    expect(cloud.boots).toEqual(["a"]);
    expect(cloud.made.get("a")?.power).toBe("running");
  });

  test("is replaced when an input changes that cannot change in place, the old one first only where the program asks for it", () => {
    const old = { inputs: instanceInputs("a"), outputs: {} };
    expect(operations.diff(served("instance"), old, instanceInputs("a", { groupId: "g" }))).toEqual({
      changed: ["groupId"],
      replaces: ["groupId"],
      deleteBeforeReplace: false,
    });
  });

  test("that was switched off outside the engine is read as such", async () => {
    const { id, outputs } = await make("instance", instanceInputs("a", { powerState: "ACTIVE" }));
    const host = cloud.made.get("a");
    if (host !== undefined) host.power = "off";
    const recorded = { inputs: instanceInputs("a", { powerState: "ACTIVE" }), outputs };
    const seen = await served("instance").type.read?.(id, recorded, call);
    expect(seen?.inputs["powerState"]).toBe("SHUTOFF");
    cloud.made.delete("a");
    expect(await served("instance").type.read?.(id, recorded, call)).toBeUndefined();
  });

  test("is deleted, and deleting it again is no error", async () => {
    const { id } = await make("instance", instanceInputs("a"));
    await remove("instance", id);
    await remove("instance", id);
    expect(cloud.made.size).toBe(0);
    expect(cloud.current.instances).toEqual({});
  });
});

describe("security groups", () => {
  test("apply changed rules to their hosts at once", async () => {
    const { id } = await make("group", { ...project, rules: [tcp(22, {})] });
    await make("instance", instanceInputs("a", { securityGroupIds: [id] }));
    await update("group", id, { ...project, rules: [tcp(22, {}), tcp(9200, { remoteIpPrefix: "192.168.0.0/16" })] });
    expect(cloud.made.get("a")?.ingress).toEqual([
      { protocol: "tcp", ports: [22, 22], sources: ["0.0.0.0/0"] },
      { protocol: "tcp", ports: [9200, 9200], sources: ["192.168.0.0/16"] },
    ]);
  });

  test("that name a group follow changes of its members", async () => {
    const { id: clients } = await make("group", { ...project, name: "clients" });
    const { id: servers } = await make("group", {
      ...project,
      name: "servers",
      rules: [tcp(9200, { remoteGroupId: clients })],
    });
    await make("instance", instanceInputs("server", { securityGroupIds: [servers] }));
    expect(cloud.made.get("server")?.ingress).toEqual([]);
    const { id: client } = await make("instance", instanceInputs("client", { securityGroupIds: [clients] }));
    expect(cloud.made.get("server")?.ingress.map(({ sources }) => sources)).toEqual([["10.81.0.12/32"]]);
    await remove("instance", client);
    expect(cloud.made.get("server")?.ingress).toEqual([]);
  });

  test("cannot be deleted while an instance has them", async () => {
    const { id } = await make("group", project);
    await make("instance", instanceInputs("a", { securityGroupIds: [id] }));
    await expect(remove("group", id)).rejects.toThrow("in use by the instance a");
  });

  test("accept nothing by outbound or IPv6 rules", async () => {
    const rules = [
      { ...tcp(22, {}), direction: "EGRESS" },
      { ...tcp(22, {}), ethernetType: "IPV6" },
    ];
    const { id } = await make("group", { ...project, rules });
    await make("instance", instanceInputs("a", { securityGroupIds: [id] }));
    expect(cloud.made.get("a")?.ingress).toEqual([]);
  });
});

describe("instance groups", () => {
  const hostIds = () => Object.values(cloud.current.instances).map(({ hostId }) => hostId);

  test("place each member on its own hypervisor, or all on one", async () => {
    const { id: apart } = await make("spread", { ...project, name: "apart", policy: "ANTI_AFFINITY" });
    for (const name of ["a", "b", "c"]) await make("instance", instanceInputs(name, { groupId: apart }));
    expect(new Set(hostIds()).size).toBe(3);
    cloud = new PretendCloud();
    const { id: together } = await make("spread", { ...project, name: "together", policy: "AFFINITY" });
    for (const name of ["a", "b", "c"]) await make("instance", instanceInputs(name, { groupId: together }));
    expect(new Set(hostIds()).size).toBe(1);
  });

  test("refuse a sixth member", async () => {
    const { id: groupId } = await make("spread", { ...project, policy: "ANTI_AFFINITY" });
    for (let count = 0; count < 5; count += 1) await make("instance", instanceInputs(`m${count}`, { groupId }));
    await expect(make("instance", instanceInputs("one-more", { groupId }))).rejects.toThrow("has 5 members");
  });
});

describe("DNS records", () => {
  const record = { zone: "example.com", subdomain: "es-gra", fieldtype: "A", target: "192.168.1.190", ttl: 60 };

  test("change in place but for their zone and type, and exist in zones of the account alone", async () => {
    const { id } = await make("record", record);
    await update("record", id, { ...record, target: "192.168.1.191" });
    expect(cloud.current.zoneRecords[id]?.target).toBe("192.168.1.191");
    const replaces = (news: PropertyMap) =>
      operations.diff(served("record"), { inputs: record, outputs: {} }, { ...record, ...news }).replaces;
    expect([
      replaces({ target: "192.168.1.191", ttl: 120 }),
      replaces({ zone: "example.org", fieldtype: "AAAA" }),
    ]).toEqual([[], ["fieldtype", "zone"]]);
    await expect(make("record", { ...record, zone: "example.net" })).rejects.toThrow("404 Not Found");
  });

  test("refuse a TTL below a minute, and an A record of something else than an address", () => {
    expect(violations("record", { ...record, ttl: 30 })).toEqual(["ttl"]);
    expect(violations("record", { ...record, target: "es.example.com" })).toEqual(["target"]);
  });

  test("make a refresh fail that does not find them, and are imported with their zone", async () => {
    const { id } = await make("record", record);
    const read = (asked: string) => served("record").type.read?.(asked, { inputs: {}, outputs: {} }, call);
    expect(await read(`${id}.example.com`)).toMatchObject({ id, inputs: record });
    await served("record").type.delete?.(id, { inputs: {}, outputs: {} }, call);
    await expect(read(id)).rejects.toThrow(`record ${id} has been deleted.`);
  });
});

describe("what the engine does not know of", () => {
  const nothing = { inputs: {}, outputs: {} };
  const network = { ...project, name: "n", vlanId: 42 };

  test("a refresh fails at a key or network that is gone, and finds other resources gone", async () => {
    const recorded = { inputs: network, outputs: {} };
    for (const token of ["key", "network"] as const) {
      await expect(served(token).type.read?.("gone", recorded, call)).rejects.toThrow(/^404 Not Found: gone$/);
    }
    for (const token of ["group", "volume"] as const) {
      expect(await served(token).type.read?.("gone", recorded, call)).toBeUndefined();
    }
  });

  test("a creation whose answer is lost leaves an orphan, which another one meets and an import takes over", async () => {
    vi.stubEnv("ES_FAILOVER_LAB_ORPHANS", "n");
    await expect(make("network", network)).rejects.toThrow(/timeout while waiting for n/);
    vi.unstubAllEnvs();
    await expect(make("network", network)).rejects.toThrow(/^409 Conflict: VLAN 42 is in use by the network n \(/);
    const [id = ""] = Object.keys(cloud.current.networks);
    const { type } = served("network");
    expect(await type.read?.(`p/${id}`, nothing, call)).toMatchObject({ id, inputs: network });
    await expect(type.read?.(id, nothing, call)).rejects.toThrow("expected service_name/network_id");
  });

  test("a key has no import, and a second one of its name is refused", async () => {
    const key = { serviceName: "p", name: "k", publicKey: "ssh-ed25519 AAAA" };
    await make("key", key);
    await expect(make("key", key)).rejects.toThrow(/^409 Conflict: an SSH key named k already exists$/);
    await expect(served("key").type.read?.("p/k", nothing, call)).rejects.toThrow(/has no import/);
  });
});

describe("names and catalogues", () => {
  test("a resource without a name gets the same one in preview and update, and keeps it", () => {
    const request = { news: { ...project, vlanId: 42 }, olds: undefined, name: "net", seed: Buffer.from("seed") };
    const name = operations.check(ovhPackage(cloud), served("network"), request).inputs["name"];
    expect(name).toMatch(/^net-[0-9a-f]{7}$/);
    expect(operations.check(ovhPackage(cloud), served("network"), request).inputs["name"]).toBe(name);
    const later = { ...request, olds: { name: name ?? null }, seed: Buffer.from("other") };
    expect(operations.check(ovhPackage(cloud), served("network"), later).inputs["name"]).toBe(name);
  });

  test("flavors and images have different ids in each region", async () => {
    const idsIn = async (region: string) => {
      const { flavors } = await getCloudInstanceFlavors({ serviceName: "p", region });
      const { images } = await getCloudInstanceImages({ serviceName: "p", region });
      return JSON.stringify([flavors, images]).match(/"id":"[^"]+"/g) ?? [];
    };
    const [gra, bhs] = await Promise.all(["GRA11", "BHS5"].map(idsIn));
    expect(gra?.length).toBeGreaterThan(1);
    expect(new Set([...(gra ?? []), ...(bhs ?? [])]).size).toBe((gra?.length ?? 0) * 2);
  });
});
