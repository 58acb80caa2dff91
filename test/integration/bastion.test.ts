import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askWatchdogs } from "../../infra/destroy/ask-watchdogs.ts";
import { createCertificateAuthority } from "../../infra/init/certificate-authority.ts";
import { createSshKeyPair } from "../../infra/init/ssh-key.ts";
import type { HostOutput } from "../../infra/outputs.ts";
import { PulumiEngine } from "../../lab/cloud/engine.ts";
import type { StackConfiguration } from "../../lab/cloud/project.ts";
import { controllerSubnet, packagesAddress, packagesPort } from "../../lab/hosts/addressing.ts";
import { Lab } from "../../lab/hosts/lab.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { pulumiStep } from "../../lab/machine/pulumi.ts";
import { outcomeOf } from "../../lab/util/run.ts";
import { messageOf } from "../../watchdog/util/errors.ts";
import { removeLabWithThisProcess } from "../lab-guard.ts";

const usersProject = path.join(import.meta.dirname, "cloud-projects", "hidden");
const stack = "gra";
const bastionIp = "192.168.1.195";
const obstacles = [...(await labObstacles()), ...((await pulumiStep.isDone()) ? [] : ["There is no Pulumi CLI."])];
const suffix = obstacles.length === 0 ? "" : ` (not run: ${obstacles.join(" ")})`;
const ssh = createSshKeyPair("es-failover");

/** What no step of this test uses, but each stack has. */
async function unusedSecrets(): Promise<StackConfiguration> {
  const { certificatePem, privateKeyPem } = await createCertificateAuthority();
  const passwords = ["watchdogPassword", "haproxyCheckPassword", "appPassword", "etcdRootPassword", "etcdPassword"];
  return {
    "es-failover:caCertificate": certificatePem,
    "es-failover:caPrivateKey": privateKeyPem,
    ...Object.fromEntries(passwords.map((key) => [`es-failover:${key}`, "not used"])),
  };
}

describe.skipIf(obstacles.length > 0)(`a region whose entries alone have public addresses${suffix}`, () => {
  let scratch: string;
  let lab: Lab;
  let engine: PulumiEngine;
  let secrets: StackConfiguration;
  /** Public key of each host, and of the bastion, as known_hosts has it. */
  const keyOf = async (name: string) => {
    const lines = (await readFile(lab.knownHostsFile, "utf8")).split("\n");
    return lines.find((line) => line.startsWith(`${name},`))?.replace(/^\S+ /, "") ?? "";
  };
  const failure = (work: Promise<unknown>) => work.then(() => "no failure", messageOf);
  const hosts = async () => (await engine.outputs(stack))["hosts"] as Readonly<Record<string, HostOutput>>;

  /** Whether a program in the controller's network, or on a host, can connect. */
  async function connects(from: string | null, address: string, port: number): Promise<boolean> {
    const argv = ["timeout", "3", "bash", "-c", `exec 3<>/dev/tcp/${address}/${port}`];
    if (from !== null) return (await lab.exec(from, argv)).exitCode === 0;
    const [command = "", ...args] = lab.controllerCommand(argv);
    return (await outcomeOf(command, args)).exitCode === 0;
  }

  async function configure(changes: StackConfiguration = {}): Promise<void> {
    const bastion = await lab.host("bastion");
    await engine.prepareStack(stack, {
      ...secrets,
      "es-failover:region": "gra",
      "es-failover:serviceName": "0123456789abcdef0123456789abcdef",
      "es-failover:regions": {
        gra: {
          ...{ ovhRegion: "GRA11", cidr: "192.168.1.0/24", elasticsearchNodes: 1, haproxyNodes: 1 },
          publicAddresses: "entries",
        },
        bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24" },
      },
      "es-failover:witness": { ovhRegion: "DE1", cidr: "192.168.3.0/24" },
      "es-failover:firstPrimary": "gra",
      "es-failover:adminCidrs": [],
      "es-failover:bastion": {
        ...{ host: bastion?.publicIp ?? "", user: "debian", hostKey: await keyOf("bastion"), privateIp: bastionIp },
      },
      "es-failover:replication": { patterns: ["app-*"] },
      "es-failover:elasticsearch": { licence: "trial" },
      "es-failover:dataVolume": { sizeGb: 1, type: "CLASSIC" },
      "es-failover:protect": "false",
      "es-failover:securityUpgrades": "none",
      "es-failover:fixedHostSettings": ["vm.max_map_count", "openFiles", "swap", "clock"],
      "es-failover:sshPublicKey": ssh.publicKey,
      "es-failover:sshPrivateKey": ssh.privateKey,
      ...changes,
    });
  }

  beforeAll(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), "bastion-"));
    removeLabWithThisProcess(scratch);
    secrets = await unusedSecrets();
    lab = await Lab.create({ directory: path.join(scratch, "lab") });
    await lab.addHost({
      ...{ name: "bastion", region: "gra", privateIp: bastionIp, volumes: [] },
      // It forwards connections, and gives no shell.
      authorizedKeys: [`restrict,port-forwarding ${ssh.publicKey}`],
      ingress: [{ protocol: "tcp", ports: [22, 22], sources: [controllerSubnet] }],
    });
    engine = await PulumiEngine.open({ usersProject, directory: path.join(scratch, "engine"), lab });
    await configure();
    await engine.up(stack);
  });

  afterAll(async () => {
    await lab?.destroy();
    await rm(scratch, { recursive: true, force: true });
  });

  test("is provisioned through the bastion, and once: a second up changes nothing", async () => {
    const made = await hosts();
    expect(made["gra-es-1"]).not.toHaveProperty("publicIp");
    expect(made["gra-haproxy-1"]).toHaveProperty("publicIp");
    expect(made["gra-es-1"]?.ssh).toMatch(/^ssh -J debian@10\.81\.0\.\d+ debian@192\.168\.1\.11$/);
    expect((await lab.host("gra-es-1"))?.publicIp).toBeUndefined();
    // The lab's own operator, past the firewall.
    const [command = "", ...args] = await lab.sshCommand("gra-es-1", ["hostname"]);
    expect((await outcomeOf(command, args)).stdout).toBe("gra-es-1\n");
    expect((await engine.up(stack, { args: ["--expect-no-changes"] })).changes.update).toBeUndefined();
  });

  test("has no SSH that anything but the bastion reaches, on no address", async () => {
    const { "gra-haproxy-1": entry } = await hosts();
    const listening = ["192.168.1.11", "192.168.1.101", entry?.publicIp ?? ""];
    for (const address of listening) expect([address, await connects(null, address, 22)]).toEqual([address, false]);
    for (const address of listening.slice(0, 2)) {
      expect([address, await connects("bastion", address, 22)]).toEqual([address, true]);
    }
    expect(await connects("gra-es-1", "192.168.1.101", 22)).toBe(false);
  });

  test("reaches the internet from hosts without a public address by the gateway alone", async () => {
    expect(await connects("gra-es-1", packagesAddress, packagesPort)).toBe(true);
    await lab.closeGateway("gra", "192.168.1.1");
    expect(await connects("gra-es-1", packagesAddress, packagesPort)).toBe(false);
    await lab.openGateway("gra", "192.168.1.1");
    expect(await connects("gra-es-1", packagesAddress, packagesPort)).toBe(true);
  });

  test("has one default route on each host, although DHCP offers two to those with a public address", async () => {
    const routes = async (name: string) => (await lab.exec(name, ["ip", "-4", "route", "show", "default"])).stdout;
    expect(await routes("gra-haproxy-1")).toMatch(/^default via 10\.81\.0\.1 dev eth0 *\n$/);
    expect(await routes("gra-es-1")).toMatch(/^default via 192\.168\.1\.1 dev eth1 [^\n]*\n$/);
    // As a lease would bring it back.
    await lab.exec("gra-haproxy-1", [
      "ip",
      "route",
      "add",
      "default",
      "via",
      "192.168.1.1",
      "dev",
      "eth1",
      "metric",
      "9",
    ]);
    await configure({
      "es-failover:fixedHostSettings": ["vm.max_map_count", "openFiles", "swap", "clock", "net.core.somaxconn"],
    });
    await engine.up(stack);
    expect(await routes("gra-haproxy-1")).toMatch(/^default via 10\.81\.0\.1 dev eth0 *\n$/);
  });

  test("stops at a bastion that shows another key, and at a host that does, before anything runs there", async () => {
    const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const ran = async () =>
      (
        await lab.exec("gra-haproxy-1", [
          "stat",
          "-c",
          "%Y",
          "/usr/local/lib/es-failover-provisioning/provision/base.sh",
        ])
      ).stdout;
    const before = await ran();
    const bastion = {
      host: (await lab.host("bastion"))?.publicIp ?? "",
      user: "debian",
      hostKey: other,
      privateIp: bastionIp,
    };
    await configure({ "es-failover:bastion": bastion });
    expect(await failure(engine.up(stack))).toMatch(
      /proxy: SSH to debian@10\.81\.0\.\d+:22 failed 6 times.*Host key verification failed/s,
    );
    await configure({ "es-failover:hostKeys": { "gra-haproxy-1": other } });
    expect(await failure(engine.up(stack))).toMatch(
      /proxy: after 30 failed attempts: ssh: handshake failed: .*Host key verification failed/s,
    );
    expect(await ran()).toBe(before);
    await configure({ "es-failover:hostKeys": { "gra-haproxy-1": await keyOf("gra-haproxy-1") } });
    await engine.up(stack);
  });

  test("is asked by `npm run destroy` through the bastion, and believed only with the keys that are pinned", async () => {
    const record = { phase: "serving", epoch: 7, active: "gra", standby: "in-sync" };
    const program = `#!/bin/sh\n[ "$*" = "status --json" ] && echo '${JSON.stringify({ record })}'\n`;
    await lab.exec(
      "gra-haproxy-1",
      ["sh", "-c", "cat > /usr/local/bin/es-failover && chmod 755 /usr/local/bin/es-failover"],
      {
        input: program,
      },
    );
    // OpenSSH's client in the controller's network, as an operator's machine.
    const programs = path.join(scratch, "programs");
    await mkdir(programs);
    const client = lab.controllerCommand(["/usr/bin/ssh"]).map((word) => `'${word}'`);
    await writeFile(path.join(programs, "ssh"), `#!/bin/sh\nexec ${client.join(" ")} "$@"\n`, { mode: 0o755 });
    const environment = { ...engine.environment, PATH: `${programs}:${engine.environment["PATH"]}` };
    const setting = { directory: engine.directory, pack: "", environment };

    await configure({ "es-failover:hostKeys": { "gra-haproxy-1": await keyOf("gra-haproxy-1") } });
    expect(await askWatchdogs(setting, [stack])).toEqual({ roles: record, silent: [] });
    await configure({ "es-failover:hostKeys": { "gra-haproxy-1": await keyOf("bastion") } });
    expect(await askWatchdogs(setting, [stack])).toEqual({
      roles: null,
      silent: [expect.stringMatching(/^gra-haproxy-1: Host key verification failed\.|^gra-haproxy-1: .*closed/)],
    });
  });

  test("leaves nothing of its own when it is destroyed", async () => {
    await configure();
    await engine.destroy(stack);
    expect((await lab.hosts()).map(({ name }) => name)).toEqual(["bastion"]);
    const cloud = JSON.parse(await readFile(path.join(lab.directory, "cloud.json"), "utf8"));
    for (const [kind, records] of Object.entries(cloud)) expect([kind, records]).toEqual([kind, {}]);
  });
});
