import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkInput } from "../../infra/provision/host-settings.ts";
import type { Host, Role, Topology } from "../../infra/topology/model.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { hiddenChanges, testConfig } from "./infra-fixtures.ts";

const provision = path.join(import.meta.dirname, "..", "..", "infra", "provision");
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "host-settings-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A program that the script finds instead of the host's own. */
async function program(name: string, text: string): Promise<string> {
  const file = path.join(directory, "bin", name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}

function run(script: string, input: string, env: Readonly<Record<string, string>>): SpawnSyncReturns<string> {
  const search = `${path.join(directory, "bin")}:${process.env["PATH"]}`;
  return spawnSync(path.join(provision, script), {
    input,
    encoding: "utf8",
    env: { ...process.env, PATH: search, ...env },
  });
}

describe("check-host.py", () => {
  /** The first one, which among the HAProxy hosts has a member of etcd. Each has the same private address here. */
  const privateIp = "192.168.1.11";
  function hostOf({ hosts }: Topology, role: Role): Host {
    const found = hosts.find((candidate) => candidate.role === role);
    if (found === undefined) throw new Error(`no ${role}`);
    return { ...found, privateIp };
  }

  /** A host on which everything is in effect, but for what a test changes. */
  interface Seen {
    readonly kernel?: Readonly<Record<string, number>>;
    readonly swapDevices?: readonly string[];
    readonly openFiles?: number;
    readonly isRunning?: boolean;
    readonly isSynchronized?: boolean;
    /** Default routes, by interface: ens3 is the public one, ens4 the private one. */
    readonly routes?: readonly (readonly [gateway: string, interfaceName: string])[];
  }

  const inEffect = {
    "vm.max_map_count": 1_048_576,
    "vm.swappiness": 1,
    "net.ipv4.tcp_retries2": 5,
    "net.core.somaxconn": 16_384,
    "net.ipv4.tcp_max_syn_backlog": 16_384,
  };

  async function host({
    kernel = {},
    swapDevices = [],
    openFiles = 524_288,
    isRunning = true,
    isSynchronized = true,
    routes = [["5.0.0.254", "ens3"]],
  }: Seen): Promise<void> {
    const files: Record<string, string> = {
      swaps: ["Filename Type Size Used Priority", ...swapDevices].join("\n"),
      "4711/limits": `Limit                     Soft Limit           Hard Limit           Units
Max processes             4096                 4096                 processes
Max open files            1024                 ${openFiles}               files\n`,
    };
    for (const [key, value] of Object.entries({ ...inEffect, ...kernel })) {
      files[`sys/${key.replaceAll(".", "/")}`] = `${value}\n`;
    }
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(directory, "proc", name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    const property = `case "$2" in --property=MainPID) echo ${isRunning ? 4711 : 0} ;; *) echo ${openFiles} ;; esac`;
    await program("systemctl", property);
    await program("timedatectl", `echo ${isSynchronized ? "yes" : "no"}`);
    const links = [
      { ifname: "ens3", addr_info: [{ local: "5.0.0.1" }] },
      { ifname: "ens4", addr_info: [{ local: privateIp }] },
    ];
    const defaults = routes.map(([gateway, dev]) => ({ dst: "default", gateway, dev }));
    await program(
      "ip",
      `case "$*" in *"address show") echo '${JSON.stringify(links)}' ;; *) echo '${JSON.stringify(defaults)}' ;; esac`,
    );
  }

  function check(
    role: Role,
    fixed: Parameters<typeof checkInput>[2]["fixedHostSettings"] = [],
    topology = planTopology(testConfig()),
  ) {
    const input = checkInput(topology, hostOf(topology, role), { fixedHostSettings: fixed });
    const { status, stderr } = run("check-host.py", input, {
      PROC_DIRECTORY: path.join(directory, "proc"),
      CLOCK_SECONDS: "0",
    });
    return { status, stderr };
  }

  test.each(["elasticsearch", "haproxy", "witness"] as const)(
    "accepts a host of the role %s on which all is in effect",
    async (role) => {
      await host({});
      expect(check(role)).toEqual({ status: 0, stderr: "" });
    },
  );

  test("names each value that is not in effect, why it matters and where to look", async () => {
    await host({ kernel: { "vm.max_map_count": 65_530, "net.ipv4.tcp_retries2": 15 }, openFiles: 20_000 });
    const { status, stderr } = check("elasticsearch");
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /vm\.max_map_count is 65530 and must be at least 1048576: Elasticsearch maps .*grep -rs vm\.max/,
    );
    expect(stderr).toMatch(/net\.ipv4\.tcp_retries2 is 15 and must be at most 5: requests to a machine/);
    expect(stderr).toMatch(/elasticsearch may open 20000 files, and needs 65535: raise LimitNOFILE/);
    expect(stderr).toMatch(/where the hosts' platform fixes a setting, name it in es-failover:fixedHostSettings/);
  });

  test("accepts swap only where the kernel hardly uses it", async () => {
    await host({ swapDevices: ["/dev/vda2 partition 1 0 -2"], kernel: { "vm.swappiness": 60 } });
    expect(check("elasticsearch")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/swap is on \(\/dev\/vda2\) with vm\.swappiness 60/),
    });
    expect(check("haproxy").status).toBe(0);
    await host({ swapDevices: ["/dev/vda2 partition 1 0 -2"] });
    expect(check("elasticsearch").status).toBe(0);
    await host({ kernel: { "vm.swappiness": 60 } });
    expect(check("elasticsearch").status).toBe(0);
  });

  test("looks at what the service's unit allows while the service does not run, such as etcd without the other members", async () => {
    await host({ isRunning: false, openFiles: 1024 });
    expect(check("haproxy").stderr).toMatch(/haproxy may open 1024 files.*\n.*etcd may open 1024 files/);
  });

  test("refuses a clock that is not synchronised", async () => {
    await host({ isSynchronized: false });
    expect(check("witness")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/the clock was not synchronised within 0 s: see `timedatectl`/),
    });
  });

  test.each<[string, Seen["routes"], RegExp]>([
    [
      "a default route on the private interface again",
      [
        ["5.0.0.254", "ens3"],
        ["192.168.1.1", "ens4"],
      ],
      /ens4, the private interface, has a default route \(via 5\.0\.0\.254 dev ens3, via 192\.168\.1\.1 dev ens4\): answers/,
    ],
    ["no default route at all", [], /there is no default route: see `networkctl status`/],
  ])("refuses a host with a public address that has %s", async (_, routes, message) => {
    await host({ routes: routes ?? [] });
    expect(check("haproxy")).toMatchObject({ status: 1, stderr: expect.stringMatching(message) });
  });

  test.each<[string, Seen["routes"]]>([
    ["none", []],
    ["one by another address", [["192.168.0.1", "ens4"]]],
    [
      "one besides",
      [
        ["192.168.1.1", "ens4"],
        ["5.0.0.254", "ens3"],
      ],
    ],
  ])(
    "wants the gateway's default route alone on a host without a public address, and refuses %s",
    async (_, routes) => {
      const hidden = planTopology(testConfig(hiddenChanges));
      await host({ routes: [["192.168.1.1", "ens4"]] });
      expect(check("elasticsearch", [], hidden)).toEqual({ status: 0, stderr: "" });
      await host({ routes: routes ?? [] });
      expect(check("elasticsearch", [], hidden)).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(
          /the default route must be via 192\.168\.1\.1 dev ens4, the gateway, and no other/,
        ),
      });
    },
  );

  test("reports what the platform is declared to fix, with its value, and accepts it", async () => {
    await host({ kernel: { "vm.max_map_count": 65_530 }, isSynchronized: false });
    expect(check("elasticsearch", ["vm.max_map_count", "clock"])).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(
        /accepted, as fixedHostSettings names vm\.max_map_count: vm\.max_map_count is 65530/,
      ),
    });
  });
});

describe("settings.sh", () => {
  /** Calls of the host's programs, in order. */
  const calls = async () => (await readFile(path.join(directory, "calls"), "utf8")).trim().split("\n");

  async function settings(
    wanted: { readonly fixed: string; readonly securityUpgrades: string },
    activeService: string,
  ) {
    const noted = (name: string, more = "") => program(name, `echo "${name} $*" >>${directory}/calls\n${more}`);
    const sysctl = await noted("systemd-sysctl");
    await noted("systemctl", `case "$*" in is-active*) [ "$3" = "${activeService}" ] ;; esac`);
    await noted("apt-get");
    await noted("dpkg-query", "exit 1");
    const input = JSON.stringify({ kernelKeys: "vm.swappiness vm.max_map_count", files: [], ...wanted });
    const { status, stderr } = run("settings.sh", input, { SYSTEMD_SYSCTL: sysctl, PROVISIONING_STATE: directory });
    expect([status, stderr]).toEqual([0, ""]);
    return (await calls()).filter((call) => !call.startsWith("systemctl is-active"));
  }

  test("sets the kernel's keys from all files, so that those of administrators decide", async () => {
    expect(await settings({ fixed: "clock", securityUpgrades: "none" }, "")).toEqual([
      "systemd-sysctl --prefix=vm.swappiness --prefix=vm.max_map_count",
    ]);
  });

  test("installs a time service only where none runs, and unattended-upgrades where they are wanted", async () => {
    const installed = async (...args: Parameters<typeof settings>) =>
      (await settings(...args)).filter((call) => call.includes("install")).map((call) => call.split("recommends ")[1]);
    expect(await installed({ fixed: "", securityUpgrades: "automatic" }, "chrony")).toEqual(["unattended-upgrades"]);
    await rm(path.join(directory, "calls"));
    expect(await installed({ fixed: "", securityUpgrades: "none" }, "")).toEqual(["chrony"]);
  });
});
