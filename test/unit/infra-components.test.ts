import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Region } from "../../infra/region.ts";
import { hiddenChanges, monitoringChanges, testConfig, virtualAddressChanges } from "./infra-fixtures.ts";

interface Registered {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: Pulumi's mocks pass inputs untyped
  readonly inputs: any;
}

/** Options of each of OVHcloud's resources and of each step on a host, by its name, of the last `provisioned()`. */
const optionsOf = new Map<string, pulumi.ResourceOptions>();

const publicAddresses = (name: string) => [
  { ip: "2001:db8::1", version: 6 },
  { ip: `5.0.0.${name.length}`, version: 4 },
];

let registered: readonly Registered[] = [];
let directory: string;
let region: Region;

/**
 * Computed outputs that the program reads, as the real providers return them.
 *
 * @param remembered keepers of every random id, where the state has others than the program
 */
function outputsOf(
  { type, name, inputs }: pulumi.runtime.MockResourceArgs,
  remembered: Readonly<Record<string, string>> | undefined,
): Record<string, unknown> {
  switch (type) {
    case "ovh:index/cloudInstance:CloudInstance":
      return {
        ...inputs,
        currentState: {
          networks: [
            { subnetId: "empty", addresses: null },
            { subnetId: "s", addresses: [{ ip: inputs.networks.at(-1).ip, version: 4, type: "FIXED" }] },
            ...(inputs.networks[0].autoAssignPublicIp ? [{ subnetId: "ext", addresses: publicAddresses(name) }] : []),
          ],
        },
      };
    case "ovh:index/cloudSSHKey:CloudSSHKey":
      return { ...inputs, name: "known after the update" };
    case "tls:index/privateKey:PrivateKey":
      return { ...inputs, privateKeyPem: `key of ${name}`, privateKeyPemPkcs8: `pkcs8 key of ${name}` };
    case "tls:index/certRequest:CertRequest":
      return { ...inputs, certRequestPem: `request of ${name}` };
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { ...inputs, certPem: `certificate of ${name}` };
    case "random:index/randomPassword:RandomPassword":
      return { ...inputs, result: "elastic-password" };
    case "random:index/randomId:RandomId":
      return { ...inputs, keepers: remembered ?? inputs.keepers };
    default:
      return { ...inputs };
  }
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infra-components-"));
  await writeFile(path.join(directory, "bundle.tar.gz"), "bundle");
  [region, registered] = await provisioned();
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function provisioned(
  remembered?: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string>> = {},
): Promise<readonly [Region, readonly Registered[]]> {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        resources.push({ type: args.type, name: args.name, inputs: args.inputs });
        return { id: `${args.name}-id`, state: outputsOf(args, remembered) };
      },
      call: ({ token }) =>
        token.includes("Images")
          ? { images: [{ id: "image-1", name: "Debian 13" }] }
          : { flavors: ["b3-16", "b3-8", "d2-2"].map((name) => ({ id: `id-${name}`, name })) },
    },
    "es-failover",
    "gra",
    false,
  );
  const bundle = { archivePath: path.join(directory, "bundle.tar.gz"), version: "1.2.3" };
  const note = ({ type, name, opts }: pulumi.ResourceTransformationArgs) => {
    // A host's certificate is a component of the same name.
    if (/^(ovh|command):/.test(type)) optionsOf.set(name, opts);
    return undefined;
  };
  const made = new Region("gra", { config: testConfig(changes), bundle }, { transformations: [note] });
  await settled(pulumi.all([made.hosts, made.entry]));
  await pulumi.runtime.disconnect();
  return [made, resources];
}

const settled = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve) => {
    output.apply((value) => resolve(value as T));
  });
const ofType = (type: string) => registered.filter((resource) => resource.type.endsWith(`:${type}`));
const secretMark = "4dabf18193072939515e22adb298388d";
const isSecret = (value: unknown) =>
  typeof value === "object" && value !== null && (value as Record<string, unknown>)[secretMark] !== undefined;
const named = (name: string, among = registered) => {
  const found = among.find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`no resource ${name}`);
  return found;
};

describe("a region's components", () => {
  test("no security group admits the whole internet, and Elasticsearch accepts 9200 from watchdog hosts only", () => {
    const groups = ofType("CloudSecurityGroup");
    expect(groups.map(({ name }) => name).sort()).toEqual(["gra-elasticsearch", "gra-etcd", "gra-haproxy"]);
    for (const { inputs } of groups) for (const rule of inputs.rules) expect(rule.remoteIpPrefix).not.toMatch(/\/0$/);
    const senders = named("gra-elasticsearch")
      .inputs.rules.filter((rule: { portRangeMin?: number }) => rule.portRangeMin === 9200)
      .map((rule: { remoteIpPrefix: string }) => rule.remoteIpPrefix);
    const routers = ["192.168.1.101/32", "192.168.1.102/32", "192.168.2.101/32", "192.168.2.102/32"];
    expect(senders).toEqual([...routers, "192.168.3.11/32"]);
  });

  test("every instance has a security group, an anti-affinity group, a public interface and its pinned address", () => {
    const instances = ofType("CloudInstance");
    expect(instances).toHaveLength(5);
    for (const { inputs, name } of instances) {
      const role = name.includes("-es-") ? "elasticsearch" : "haproxy";
      const etcd = name === "gra-haproxy-1" ? ["gra-etcd-id"] : [];
      expect(inputs.securityGroupIds).toEqual([`gra-${role}-id`, ...etcd]);
      expect(inputs.groupId).toMatch(/-group-id$/);
      expect(inputs.networks[0]).toEqual({ autoAssignPublicIp: true });
      expect(inputs.networks[1].ip).toMatch(/^192\.168\.1\./);
      expect(inputs.volumeIds).toEqual(name.includes("-es-") ? [`${name}-data-id`] : undefined);
    }
    expect(ofType("CloudInstanceGroup").map(({ inputs }) => inputs.policy)).toEqual(["ANTI_AFFINITY", "ANTI_AFFINITY"]);
  });

  test("more than five hosts of a role are spread by several anti-affinity groups", async () => {
    const regions = {
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", elasticsearchNodes: 7 },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
    };
    const [, resources] = await provisioned(undefined, { regions: JSON.stringify(regions) });
    const groups = resources
      .filter(({ name, type }) => type.endsWith(":CloudInstance") && name.includes("-es-"))
      .map(({ inputs }) => inputs.groupId);
    const first = "gra-elasticsearch-group-id";
    expect(groups).toEqual([first, first, first, first, first, ...Array(2).fill("gra-elasticsearch-group-2-id")]);
  });

  test("a changed flavor reaches the host that is to be resized, and no other one that exists", async () => {
    const kept = () => {
      const names = ["gra-es-1", "gra-es-2", "gra-haproxy-1"];
      return names.filter((name) => optionsOf.get(name)?.ignoreChanges?.includes("flavorId"));
    };
    await provisioned(undefined, { resize: "gra-es-2" });
    expect(kept()).toEqual(["gra-es-1", "gra-haproxy-1"]);
    await provisioned();
    expect(kept()).toEqual(["gra-es-1", "gra-es-2", "gra-haproxy-1"]);
    expect(JSON.parse(named("gra-es-1-roll").inputs.stdin.value)).toMatchObject({ flavorId: "id-b3-16" });
  });

  test("a replaced SSH key is deleted first, and instances refer to it by a name that no preview leaves open", () => {
    expect(optionsOf.get("gra-ssh-key")).toMatchObject({ deleteBeforeReplace: true });
    for (const { inputs } of ofType("CloudInstance")) expect(inputs.sshKeyName).toBe("es-failover-gra");
  });

  test("a new SSH key gets onto the hosts by the one before, which goes when it is configured no more", async () => {
    // Pulumi marks the whole connection as secret.
    const keyOf = ({ inputs }: Registered) => inputs.connection.value.privateKey;
    const onlyKey = (among?: readonly Registered[]) => JSON.parse(named("gra-es-1-base", among).inputs.stdin).onlyKey;
    expect(registered.map(({ name }) => name)).not.toContain("gra-es-1-new-key");
    expect(onlyKey()).toBe("ssh-ed25519 AAAA es-failover");
    const [, during] = await provisioned(undefined, { sshPreviousPrivateKey: "key-before" });
    const step = named("gra-es-1-new-key", during);
    expect([keyOf(step), step.inputs.stdin]).toEqual(["key-before\n", "ssh-ed25519 AAAA es-failover\n"]);
    expect(keyOf(named("gra-es-1-scripts", during))).toBe("ssh-private-key\n");
    expect(onlyKey(during)).toBe("");
  });

  test("a pinned host key holds for every connection to its host, and for no other host", async () => {
    const key = "ecdsa-sha2-nistp256 AAAA";
    const [, among] = await provisioned(undefined, {
      hostKeys: JSON.stringify({ "gra-haproxy-1": key }),
      sshPreviousPrivateKey: "key-before",
    });
    const remote = among.filter(({ type }) => type.startsWith("command:remote:"));
    expect(remote.some(({ type }) => type.endsWith(":CopyToRemote"))).toBe(true);
    for (const { name, inputs } of remote) {
      const pinned = name.startsWith("gra-haproxy-1-") ? key : undefined;
      expect([name, inputs.connection.value.hostKey]).toEqual([name, pinned]);
    }
  });

  test("while a secret is replaced hosts know both values, and users and certificates have the one in use", async () => {
    const rotated = { nextWatchdogPassword: "new-w", nextEtcdPassword: "new-e", nextHaproxyCheckPassword: "new-c" };
    const authority = { nextCaCertificate: "new-ca", nextCaPrivateKey: "new-ca-key" };
    const oldCa = testConfig().caCertificate;
    const inputOf = (name: string, among: readonly Registered[]) => JSON.parse(named(name, among).inputs.stdin.value);
    const filesOf = (name: string, among: readonly Registered[]): Readonly<Record<string, string>> =>
      Object.fromEntries(
        (inputOf(name, among).files as readonly { path: string; content: string }[]).map((file) => [
          path.basename(file.path),
          file.content,
        ]),
      );
    const seen = async (useNext: string) => {
      const [, among] = await provisioned(undefined, { ...rotated, ...authority, useNext });
      const watchdog = filesOf("gra-haproxy-1-watchdog-configuration", among);
      const members = filesOf("gra-haproxy-1-etcd-configuration", among);
      return {
        known: ["elasticsearch-password", "etcd-password", "canary-password"].map((name) => watchdog[name]),
        trusted: [watchdog["ca.crt"], members["ca.crt"], filesOf("gra-es-1-secrets", among)["ca.crt"]],
        users: inputOf("gra-es-1-users", among).users.map((user: { password: string }) => user.password),
        member: members["user-password"],
        signing: named("gra-haproxy-1-entry-certificate", among).inputs.caCertPem,
      };
    };
    expect(await seen("")).toEqual({
      known: ["watchdog-password\nnew-w\n", "etcd-user-password\nnew-e\n", "check-password\nnew-c\n"],
      trusted: Array(3).fill(`${oldCa}\nnew-ca\n`),
      users: ["watchdog-password", "check-password"],
      member: "etcd-user-password\n",
      signing: `${oldCa}\n`,
    });
    expect(await seen("watchdogPassword,etcdPassword,haproxyCheckPassword,caCertificate")).toEqual({
      known: ["new-w\nwatchdog-password\n", "new-e\netcd-user-password\n", "new-c\ncheck-password\n"],
      trusted: Array(3).fill(`new-ca\n${oldCa}\n`),
      users: ["new-w", "new-c"],
      member: "new-e\n",
      signing: "new-ca\n",
    });
  });

  test("the order of configured networks changes no security group", async () => {
    const rules = async (adminCidrs: string) => {
      const [, resources] = await provisioned(undefined, { adminCidrs });
      return resources
        .filter(({ type }) => type.endsWith(":CloudSecurityGroup"))
        .map(({ name, inputs }) => [name, inputs.rules]);
    };
    const sorted = (groups: unknown[][]) => groups.sort(([a], [b]) => String(a).localeCompare(String(b)));
    const [one, other] = [await rules("203.0.113.7/32,198.51.100.0/24"), await rules("198.51.100.0/24,203.0.113.7/32")];
    expect(sorted(one)).toEqual(sorted(other));
  });

  test("the network has an allocation pool and a gateway's address of its own, and no gateway that no host needs", () => {
    expect(named("gra-subnet").inputs).toMatchObject({
      cidr: "192.168.0.0/16",
      gatewayIp: "192.168.1.1",
      allocationPools: [{ start: "192.168.1.201", end: "192.168.1.250" }],
    });
    expect(ofType("CloudGateway")).toEqual([]);
  });

  describe("where the entries alone have public addresses", () => {
    let hidden: Region;
    let among: readonly Registered[];
    let options: ReadonlyMap<string, pulumi.ResourceOptions>;

    beforeAll(async () => {
      [hidden, among] = await provisioned(undefined, hiddenChanges);
      options = new Map(optionsOf);
    });

    function waitsForGateway(step: string): boolean {
      const after = options.get(step)?.dependsOn;
      return Array.isArray(after) && after.some((one) => ovh.CloudGateway.isInstance(one));
    }

    test("no other host has a public interface, and they have a gateway before they install anything", () => {
      const open = among
        .filter(({ type, inputs }) => type.endsWith(":CloudInstance") && inputs.networks.length > 1)
        .map(({ name }) => name);
      expect(open.toSorted()).toEqual(["gra-haproxy-1", "gra-haproxy-2"]);
      const instances = among.filter(({ type }) => type.endsWith(":CloudInstance"));
      expect(named("gra-es-1", instances).inputs.networks).toEqual([
        { networkId: "gra-network-id", subnetId: "gra-subnet-id", ip: "192.168.1.11" },
      ]);
      expect(named("gra-gateway", among).inputs).toMatchObject({
        region: "GRA11",
        externalGateway: { enabled: true, model: "M" },
        subnetIds: ["gra-subnet-id"],
      });
      expect([waitsForGateway("gra-es-1-base"), waitsForGateway("gra-haproxy-1-base")]).toEqual([true, false]);
    });

    test("every step reaches its host through the bastion, whose key is pinned, at the private address", () => {
      const remote = among.filter(({ type }) => type.startsWith("command:remote:"));
      expect(remote.length).toBeGreaterThan(30);
      for (const { name, inputs } of remote) {
        const { host, user, proxy } = inputs.connection.value;
        expect([name, host, user]).toEqual([name, expect.stringMatching(/^192\.168\.1\.\d+$/), "debian"]);
        expect(proxy).toMatchObject({
          ...{ host: "bastion.example.com", port: 2222, user: "jump", hostKey: "ecdsa-sha2-nistp256 BBBB" },
          privateKey: "ssh-private-key\n",
        });
      }
      expect(
        among.filter(({ name }) => name === "gra-es-1-scripts").map(({ inputs }) => inputs.connection.value.host),
      ).toEqual(["192.168.1.11"]);
    });

    test("hosts accept SSH from the bastion alone", () => {
      const groups = among.filter(({ type }) => type.endsWith(":CloudSecurityGroup"));
      const senders = groups.flatMap(({ inputs }) =>
        inputs.rules.filter((rule: { portRangeMin?: number }) => rule.portRangeMin === 22),
      );
      expect(senders.map(({ remoteIpPrefix }: { remoteIpPrefix: string }) => remoteIpPrefix)).toEqual([
        "192.168.1.195/32",
        "192.168.1.195/32",
      ]);
    });

    test("a host's steps know which way it reaches the internet, at the beginning and at the end", () => {
      const inputOf = (name: string) => JSON.parse(named(name, among).inputs.stdin);
      expect([inputOf("gra-es-1-base").gateway, inputOf("gra-haproxy-1-base").gateway]).toEqual(["192.168.1.1", ""]);
      expect([inputOf("gra-es-1-check").route, inputOf("gra-haproxy-1-check").route]).toEqual([
        { privateIp: "192.168.1.11", gateway: "192.168.1.1" },
        { privateIp: "192.168.1.101", gateway: null },
      ]);
    });

    test("the outputs give a person the same way in", async () => {
      const hosts = await settled(hidden.hosts);
      expect(hosts["gra-es-1"]).toEqual({
        role: "elasticsearch",
        zone: "z1",
        privateIp: "192.168.1.11",
        ssh: "ssh -J jump@bastion.example.com:2222 debian@192.168.1.11",
      });
      expect(hosts["gra-haproxy-1"]).toMatchObject({
        publicIp: "5.0.0.13",
        ssh: "ssh -J jump@bastion.example.com:2222 debian@192.168.1.101",
      });
      expect((await settled(hidden.entry)).public).toEqual(["https://5.0.0.13:9200", "https://5.0.0.13:9200"]);
    });

    test("while the SSH key is replaced, the bastion gets the new one, and the hosts the one before", async () => {
      const [, during] = await provisioned(undefined, { ...hiddenChanges, sshPreviousPrivateKey: "key-before" });
      const { privateKey, proxy } = named("gra-es-1-new-key", during).inputs.connection.value;
      expect([privateKey, proxy.privateKey]).toEqual(["key-before\n", "ssh-private-key\n"]);
    });
  });

  test("without any public address there is no public entry, and certificates name none", async () => {
    const regions = hiddenChanges["regions"]?.replace("entries", "none") ?? "";
    const [made, among] = await provisioned(undefined, { ...hiddenChanges, regions });
    expect((await settled(made.entry)).public).toEqual([]);
    expect(named("gra-haproxy-1-entry-request", among).inputs.ipAddresses).toEqual(["192.168.1.101"]);
  });

  test("no command contains a secret, and every input that contains one is marked secret", () => {
    const secrets = ["password", "private-key", "pkcs8 key"];
    for (const { name, inputs } of ofType("Command")) {
      for (const word of secrets) expect(inputs.create).not.toContain(word);
      if (isSecret(inputs.stdin)) continue;
      for (const word of ["-password", "pkcs8 key"])
        expect([name, inputs.stdin]).not.toEqual([name, expect.stringContaining(word)]);
    }
    for (const name of [
      "gra-es-1-secrets",
      "gra-es-1-roll",
      "gra-cluster",
      "gra-haproxy-1-watchdog-configuration",
      "gra-haproxy-1-etcd-configuration",
    ]) {
      expect([name, isSecret(named(name).inputs.stdin)]).toEqual([name, true]);
    }
    expect(
      isSecret(named("gra-es-1-base").inputs.connection.privateKey ?? named("gra-es-1-base").inputs.connection),
    ).toBe(true);
  });

  test("a certificate names the host and its addresses, that of an entry also its public address", () => {
    expect(named("gra-es-1-request").inputs).toMatchObject({
      dnsNames: ["gra-es-1", "localhost"],
      ipAddresses: ["192.168.1.11", "127.0.0.1"],
    });
    expect(named("gra-haproxy-1-entry-request").inputs.ipAddresses).toEqual(["192.168.1.101", "5.0.0.13"]);
  });

  test("no client certificate for etcd has a common name, which etcd takes for the name of a user", () => {
    for (const name of ["gra-haproxy-1-etcd-request", "gra-haproxy-1-watchdog-request"]) {
      expect(named(name).inputs.subject).toEqual({ organization: "es-failover" });
      expect(named(name).inputs.ipAddresses).toEqual(["192.168.1.101"]);
    }
  });

  test("with monitoring every host gets it last, with a user of its own for the exporter of this region alone", async () => {
    expect(registered.map(({ name }) => name).filter((name) => /monitoring|exporter/.test(name))).toEqual([]);
    const [, among] = await provisioned(undefined, monitoringChanges);
    const commands = among.filter(({ name, type }) => type.endsWith(":Command") && name.includes("-monitoring-"));
    const hosts = ["gra-es-1", "gra-es-2", "gra-es-3", "gra-haproxy-1", "gra-haproxy-2"];
    expect(commands.map(({ name }) => name).toSorted()).toEqual(
      hosts.flatMap((host) => [`${host}-monitoring-configuration`, `${host}-monitoring-install`]),
    );
    for (const { name, inputs } of commands) {
      const isConfiguration = name.endsWith("-configuration");
      expect([name, isSecret(inputs.stdin)]).toEqual([name, isConfiguration]);
      // Only the witness sends messages.
      if (isConfiguration) expect(inputs.stdin.value).not.toMatch(/switch\.example|alerts\.example/);
    }
    const { users } = JSON.parse(named("gra-es-1-users", among).inputs.stdin.value);
    expect(users.map(({ name }: { name: string }) => name)).toEqual([
      "es-failover",
      "haproxy-check",
      "es-failover-exporter",
    ]);
    expect(JSON.parse(named("gra-es-1-base", among).inputs.stdin).monitoring).toBe("on");
    expect(JSON.parse(named("gra-es-1-base").inputs.stdin).monitoring).toBe("off");
  });

  test("a region with a virtual address offers it first, in certificates too, and sets it up after everything else", async () => {
    expect(registered.map(({ name }) => name).filter((name) => name.includes("virtual"))).toEqual([]);
    const endpointAddresses = {
      gra: { host: "192.168.1.190", port: 9200 },
      bhs: { host: "192.168.2.101", port: 9200 },
    };
    const changes = { ...virtualAddressChanges, endpointAddresses: JSON.stringify(endpointAddresses) };
    const [made, among] = await provisioned(undefined, changes);
    expect((await settled(made.entry)).private).toEqual([
      "https://192.168.1.190:9200",
      "https://192.168.1.101:9200",
      "https://192.168.1.102:9200",
    ]);
    for (const certificate of ["entry", "watchdog"]) {
      const { ipAddresses } = named(`gra-haproxy-2-${certificate}-request`, among).inputs;
      expect(ipAddresses).toEqual(["192.168.1.102", "5.0.0.13", "192.168.1.190"]);
    }
    const names = among.map(({ name }) => name);
    const steps = ["gra-haproxy-1-virtual-address", "gra-haproxy-2-virtual-address"];
    for (const step of steps) {
      for (const other of [
        "gra-cluster",
        "gra-haproxy-1-watchdog-configuration",
        "gra-haproxy-2-watchdog-configuration",
      ])
        expect(names.indexOf(step)).toBeGreaterThan(names.indexOf(other));
    }
    expect(JSON.parse(named("gra-haproxy-2-virtual-address", among).inputs.stdin)).toMatchObject({
      virtualAddress: "192.168.1.190",
      peers: "192.168.1.101",
    });
    const haproxy = (all?: readonly Registered[]) =>
      JSON.parse(named("gra-haproxy-1-haproxy-configuration", all).inputs.stdin.value);
    expect([haproxy(among).virtualAddress, haproxy().virtualAddress]).toEqual(["192.168.1.190", undefined]);
  });

  test.each([
    [
      "the HAProxy hosts' private addresses",
      "private",
      {},
      { "gra-haproxy-1-dns": "192.168.1.101", "gra-haproxy-2-dns": "192.168.1.102" },
    ],
    ["the virtual address", "private", virtualAddressChanges, { "gra-dns": "192.168.1.190" }],
    [
      "public addresses",
      "public",
      virtualAddressChanges,
      { "gra-haproxy-1-dns": "5.0.0.13", "gra-haproxy-2-dns": "5.0.0.13" },
    ],
  ])(
    "a region's DNS name has %s, for a minute, and certificates name it",
    async (_what, addresses, changes, expected) => {
      expect(ofType("ZoneRecord")).toEqual([]);
      const dns = JSON.stringify({ zone: "example.com", names: { gra: "es-gra", bhs: "es-bhs" }, addresses });
      const [made, among] = await provisioned(undefined, { ...changes, dns });
      const records = among.filter(({ type }) => type.endsWith(":ZoneRecord"));
      expect(Object.fromEntries(records.map(({ name, inputs }) => [name, inputs.target]))).toEqual(expected);
      for (const { inputs } of records) {
        expect(inputs).toMatchObject({ zone: "example.com", subdomain: "es-gra", fieldtype: "A", ttl: 60 });
      }
      expect((await settled(made.entry)).name).toBe("https://es-gra.example.com:9200");
      expect(named("gra-haproxy-1-entry-request", among).inputs.dnsNames).toEqual([
        "gra-haproxy-1",
        "es-gra.example.com",
      ]);
    },
  );

  test("every step on a host runs again on the host that replaces it", () => {
    const hostOf = (name: string) => {
      const [host = ""] = /^gra-(es|haproxy)-\d|^gra-(cluster|drain)$/.exec(name) ?? [];
      // What concerns the cluster goes by way of its first node.
      return /^gra-(cluster|drain)$/.test(host) ? "gra-es-1" : host;
    };
    // In the text: a trigger would replace the resource, so that a first run could not be told from a later one.
    for (const { name, inputs } of ofType("Command")) {
      expect([name, inputs.triggers, inputs.update]).toEqual([name, undefined, undefined]);
      expect([name, inputs.create]).toEqual([name, expect.stringContaining(` # on ${hostOf(name)}-id, `)]);
    }
    for (const { name, inputs } of ofType("CopyToRemote")) {
      expect([name, inputs.triggers]).toEqual([name, [`${hostOf(name)}-id`]]);
    }
  });

  test("each host is checked at the end, for what the services on it need", () => {
    const checked = ofType("Command").filter(({ name }) => name.endsWith("-check"));
    const services = checked.map(({ name, inputs }) => [name, Object.keys(JSON.parse(inputs.stdin).openFiles)]);
    expect(Object.fromEntries(services)).toEqual({
      "gra-es-1-check": ["elasticsearch"],
      "gra-es-2-check": ["elasticsearch"],
      "gra-es-3-check": ["elasticsearch"],
      "gra-haproxy-1-check": ["haproxy", "etcd"],
      "gra-haproxy-2-check": ["haproxy"],
    });
  });

  test("only the first machine in a member's place may found a cluster of etcd, as the stack remembers it", async () => {
    const founding = (among?: readonly Registered[]) => {
      const { stdin } = named("gra-haproxy-1-etcd-configuration", among).inputs;
      return (JSON.parse(stdin.value) as { readonly founding: string }).founding;
    };
    expect(founding()).toBe("allowed");
    const [, rebuilt] = await provisioned({ instanceId: "the machine before" });
    expect(founding(rebuilt)).toBe("refused");
  });

  test("the outputs show the addresses of every host and of the entries", async () => {
    const hosts = await settled(region.hosts);
    expect(hosts["gra-haproxy-1"]).toEqual({
      role: "haproxy",
      zone: "z1",
      privateIp: "192.168.1.101",
      publicIp: "5.0.0.13",
      ssh: "ssh debian@5.0.0.13",
    });
    expect((await settled(region.entry)).private).toEqual(["https://192.168.1.101:9200", "https://192.168.1.102:9200"]);
  });
});
