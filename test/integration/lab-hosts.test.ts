import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { labAptRepositoryUrl, macAddress, regionAddresses } from "../../lab/hosts/addressing.ts";
import { Lab } from "../../lab/hosts/lab.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { openTunnel } from "../../lab/hosts/tunnel.ts";
import type { IngressRule } from "../../lab/hosts/types.ts";
import { type CommandOutcome, outcomeOf } from "../../lab/util/run.ts";
import { eventually, until } from "../../lab/util/until.ts";
import { removeLabWithThisProcess } from "../lab-guard.ts";
import { labTraces } from "../lab-traces.ts";

const obstacles = await labObstacles();
const title = (name: string): string => (obstacles.length === 0 ? name : `${name} (skipped: ${obstacles.join(" ")})`);

const fromController: IngressRule = { protocol: "tcp", ports: [22, 22], sources: ["10.80.0.0/24"] };
const ping: IngressRule = { protocol: "icmp", sources: ["0.0.0.0/0"] };
const usual = [fromController, ping];

/** As the lab waits for a host's boot. */
const BOOT_MS_MAX = 60_000;
/** systemd kills a unit that has not stopped after 90 s. */
const SHUTDOWN_MS_MAX = 120_000;

async function runArgv([command = "", ...args]: readonly string[], timeoutMs = 30_000): Promise<CommandOutcome> {
  return outcomeOf(command, args, { timeoutMs });
}

describe.skipIf(obstacles.length > 0)(title("a lab with hosts"), () => {
  let directory = "";
  let lab: Lab;

  const shell = async (host: string, script: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await lab.exec(host, ["sh", "-ec", script]);
    expect(exitCode, `${script}: ${stderr}`).toBe(0);
    return stdout.trim();
  };
  const ssh = async (host: string, ...command: string[]) => runArgv(await lab.sshCommand(host, command));
  const addressOf = async (host: string, network: "public" | "vrack" = "public"): Promise<string> => {
    const status = await lab.host(host);
    return (network === "public" ? status?.publicIp : status?.privateIp) ?? "";
  };
  const add = (name: string, region: "gra" | "bhs" | "witness", privateIp: string, sizesGiB: number[] = []) =>
    lab.addHost({
      ...{ name, region, privateIp, authorizedKeys: [], ingress: usual },
      volumes: sizesGiB.map((sizeGiB, index) => ({ id: `${name}-volume-${index}-0123456789`, sizeGiB })),
    });
  /** Round trips in milliseconds; empty without a reply. */
  const roundTrips = async (from: string, to: string): Promise<number[]> => {
    const { stdout } = await lab.exec(from, ["ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", to]);
    return [...stdout.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  };
  /** The outcome of a connection: a firewall drops it silently, a port without a listener refuses it. */
  const connect = async (from: string, to: string, port: number): Promise<string> => {
    const client = `
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5); print("open")
except ConnectionRefusedError: print("refused")
except TimeoutError: print("dropped")`;
    return (await lab.exec(from, ["python3", "-c", client, to, String(port)])).stdout.trim();
  };
  /** Echoes each byte, on every address. */
  const listen = async (host: string, port: number): Promise<void> => {
    const server = `
import socket, threading
def serve(client):
    while data := client.recv(1): client.sendall(data)
with socket.create_server(("", ${port})) as server:
    while True: threading.Thread(target=serve, args=[server.accept()[0]]).start()`;
    await lab.exec(host, ["systemd-run", "--quiet", `--unit=listen-${port}`, "python3", "-c", server]);
    await until(`${host} listens`, 10_000, async () => (await connect(host, "127.0.0.1", port)) === "open");
  };
  const bootId = (host: string) => shell(host, "cat /proc/sys/kernel/random/boot_id");

  beforeAll(async () => {
    const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-lab-"));
    removeLabWithThisProcess(scratch);
    directory = path.join(scratch, "lab");
    lab = await Lab.create({ directory });
    await Promise.all([
      add("gra-1", "gra", "192.168.1.11", [1]),
      add("gra-2", "gra", "192.168.1.12"),
      add("bhs-1", "bhs", "192.168.2.11"),
    ]);
  });

  afterAll(async () => {
    const traces = await labTraces(directory);
    await Lab.destroy(directory);
    await rm(path.dirname(directory), { recursive: true, force: true });
    expect(traces.processes).toBeGreaterThan(10);
    expect(await traces.remaining()).toEqual([]);
  });

  test("a host accepts the user debian by SSH, who may do everything with sudo", async () => {
    const { stdout, exitCode } = await ssh("gra-1", "hostname; id -un; sudo -n id -un; sudo -n cat /proc/1/comm");
    expect(exitCode).toBe(0);
    expect(stdout.trim().split("\n")).toEqual(["gra-1", "debian", "root", "systemd"]);
  });

  test("a tunnel carries connections from this machine's loopback to that of a host, several at once", async () => {
    const tunnel = await openTunnel(lab, { host: "gra-1", port: 22, localPort: 0 });
    try {
      const address = tunnel.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const greeting = async () => {
        const socket = createConnection(port, "127.0.0.1");
        const [first] = await once(socket, "data");
        socket.destroy();
        return String(first);
      };
      for (const answer of await Promise.all([greeting(), greeting()])) expect(answer).toMatch(/^SSH-2\.0-/);
    } finally {
      tunnel.close();
    }
  });

  test("a host boots without a failed unit", async () => {
    expect(await shell("bhs-1", "systemctl --failed --no-legend --plain")).toBe("");
  });

  test("only the declared keys and the operator's let a user in", async () => {
    const key = path.join(directory, "..", "application-key");
    await outcomeOf("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    const withKey = async () => runArgv(await lab.sshCommand("gra-2", ["true"], { identityFile: key }));
    expect((await withKey()).stderr).toContain("Permission denied");
    await lab.removeHost("gra-2");
    const authorizedKeys = [await readFile(`${key}.pub`, "utf8")];
    const before = { name: "gra-2", region: "gra", privateIp: "192.168.1.12", ingress: usual, volumes: [] } as const;
    await lab.addHost({ ...before, authorizedKeys });
    expect((await withKey()).exitCode).toBe(0);
  });

  test("gra and bhs are 80 ms apart on both networks, and hosts of one region less than 10 ms", async () => {
    for (const network of ["public", "vrack"] as const) {
      const far = await roundTrips("gra-1", await addressOf("bhs-1", network));
      expect(far).toHaveLength(3);
      expect(Math.min(...far)).toBeGreaterThanOrEqual(80);
      expect(Math.min(...far)).toBeLessThan(95);
      expect(Math.min(...(await roundTrips("gra-1", await addressOf("gra-2", network))))).toBeLessThan(10);
    }
  });

  test("the controller's network reaches only the hosts' public addresses, and does so during every cut", async () => {
    await lab.wan.cut("gra", "bhs");
    await lab.wan.cut("gra", "witness");
    for (const host of ["gra-1", "bhs-1"]) expect((await ssh(host, "true")).exitCode).toBe(0);
    await lab.wan.heal();
    const toVrack = lab.controllerCommand(["ping", "-n", "-c", "1", "-W", "1", "192.168.1.11"]);
    expect((await runArgv(toVrack)).exitCode).not.toBe(0);
  });

  test("a one-way cut loses the packets of one direction only", async () => {
    const echosReceived = async (host: string): Promise<number> => {
      const lines = (await shell(host, "grep ^Icmp: /proc/net/snmp")).split("\n").map((line) => line.split(" "));
      return Number(lines[1]?.[lines[0]?.indexOf("InEchos") ?? -1]);
    };
    await lab.wan.cut("gra", "bhs", { oneWay: true });
    const before = { gra: await echosReceived("gra-1"), bhs: await echosReceived("bhs-1") };
    expect(await roundTrips("bhs-1", "192.168.1.11")).toEqual([]);
    expect(await roundTrips("gra-1", "192.168.2.11")).toEqual([]);
    expect(await echosReceived("gra-1")).toBe(before.gra + 3);
    expect(await echosReceived("bhs-1")).toBe(before.bhs);
    await lab.wan.heal();
    expect(await roundTrips("bhs-1", "192.168.1.11")).toHaveLength(3);
  });

  test("delay and loss of the WAN change while it runs", async () => {
    await lab.wan.set("gra", "bhs", { delayMs: 5 });
    expect(Math.min(...(await roundTrips("gra-1", "192.168.2.11")))).toBeLessThan(20);
    await lab.wan.set("gra", "bhs", { delayMs: 40, lossPercent: 100 });
    expect(await roundTrips("gra-1", "192.168.2.11")).toEqual([]);
    await lab.wan.set("gra", "bhs", { lossPercent: 0 });
    expect(await roundTrips("gra-1", "192.168.2.11")).toHaveLength(3);
  });

  test("the firewall drops what no rule allows, from the same and from another region, on both networks", async () => {
    await listen("gra-1", 9200);
    await listen("gra-1", 9300);
    const sources = ["192.168.1.12/32", "192.168.2.0/24"];
    await lab.setIngress("gra-1", [...usual, { protocol: "tcp", ports: [9300, 9300], sources }]);
    const publicIp = await addressOf("gra-1");
    const expected = { "192.168.1.11:9300": "open", "192.168.1.11:9200": "dropped" };
    const expectedInPublic = { [`${publicIp}:9300`]: "dropped", [`${publicIp}:22`]: "dropped" };
    for (const [target, outcome] of Object.entries({ ...expected, ...expectedInPublic })) {
      const [address = "", port] = target.split(":");
      const outcomes = await Promise.all(["gra-2", "bhs-1"].map((host) => connect(host, address, Number(port))));
      expect(outcomes, target).toEqual([outcome, outcome]);
    }
    await lab.setIngress("gra-1", usual);
    expect(await connect("gra-2", "192.168.1.11", 9300)).toBe("dropped");
  });

  test("a host cannot open its own firewall", async () => {
    await shell("gra-1", "nft flush ruleset");
    expect(await connect("gra-2", "192.168.1.11", 9300)).toBe("dropped");
  });

  test("the removal of a rule ends the connections that it allowed", async () => {
    await lab.setIngress("gra-1", [...usual, { protocol: "tcp", ports: [9300, 9300], sources: ["192.168.2.11/32"] }]);
    const client = `
import socket, time
with socket.create_connection(("192.168.1.11", 9300)) as server:
    for count in range(10000):
        server.sendall(b"x"); server.recv(1)
        with open("/run/answers", "w") as file: file.write(str(count))
        time.sleep(0.05)`;
    await shell("bhs-1", "rm -f /run/answers; echo 0 > /run/answers");
    await lab.exec("bhs-1", ["systemd-run", "--quiet", "--unit=client", "python3", "-c", client]);
    const answers = async () => Number(await shell("bhs-1", "cat /run/answers"));
    await until("some answers came", 10_000, async () => (await answers()) > 3);
    await lab.setIngress("gra-1", usual);
    const atTheChange = await answers();
    await delay(1_000);
    // Two may have been in flight, one in each direction.
    expect(await answers()).toBeLessThanOrEqual(atTheChange + 2);
    await shell("bhs-1", "systemctl stop client");
  });

  test("a volume takes a file system, is mounted by fstab, and keeps its data through a power cut", async () => {
    const link = "/dev/disk/by-id/virtio-gra-1-volume-0-01234";
    const uuid = `$(blkid --probe --match-tag UUID --output value ${link})`;
    await shell(
      "gra-1",
      `mkfs.ext4 -q ${link} && mkdir /data && echo "UUID=${uuid} /data ext4 nofail 0 2" >> /etc/fstab`,
    );
    await shell("gra-1", "mount /data");
    await shell("gra-1", "echo kept > /data/file && echo kept > /home/debian/file && sync");
    const firstBoot = await bootId("gra-1");

    await lab.kill("gra-1");
    expect((await lab.host("gra-1"))?.power).toBe("off");
    // No answer, as from a machine without power: a living kernel would refuse.
    expect(await connect("gra-2", "192.168.1.11", 9300)).toBe("dropped");

    await lab.start("gra-1");
    expect(await shell("gra-1", "cat /data/file /home/debian/file")).toBe("kept\nkept");
    expect(await bootId("gra-1")).not.toBe(firstBoot);
    expect((await ssh("gra-1", "true")).exitCode).toBe(0);
  });

  test("a volume is attached to a running host, takes its data along, and grows there", async () => {
    const volume = { id: "moving-volume-of-two-hosts", sizeGiB: 0.1 };
    const link = "/dev/disk/by-id/virtio-moving-volume-of-two";
    await lab.attachVolume("gra-2", volume);
    await shell("gra-2", `mkfs.ext4 -q ${link} && mount ${link} /mnt && echo here > /mnt/file && umount /mnt`);
    await expect(lab.attachVolume("bhs-1", volume)).rejects.toThrow(/attached to another host/);
    await lab.detachVolume("gra-2", volume.id);
    await shell("gra-2", `! test -e ${link}`);
    await lab.attachVolume("bhs-1", volume);
    expect(await shell("bhs-1", `mount ${link} /mnt && cat /mnt/file && umount /mnt`)).toBe("here");
    const bytes = async () => Number(await shell("bhs-1", `blockdev --getsize64 ${link}`));
    const before = await bytes();
    await lab.createVolume({ ...volume, sizeGiB: 0.2 });
    expect(await bytes()).toBeGreaterThan(before);
    await expect(lab.deleteVolume(volume.id)).rejects.toThrow(/is attached/);
    await lab.detachVolume("bhs-1", volume.id);
    await lab.deleteVolume(volume.id);
  });

  test("a frozen host does nothing until it thaws", async () => {
    await lab.freeze("bhs-1");
    expect((await lab.host("bhs-1"))?.power).toBe("frozen");
    expect((await ssh("bhs-1", "true")).exitCode).toBe(255);
    await lab.thaw("bhs-1");
    expect((await ssh("bhs-1", "true")).exitCode).toBe(0);
  });

  test("a host whose link is down is silent until the link is up", async () => {
    await lab.setLink("bhs-1", "down");
    expect(await roundTrips("gra-1", "192.168.2.11")).toEqual([]);
    await lab.setLink("bhs-1", "up");
    expect(await roundTrips("gra-1", "192.168.2.11")).toHaveLength(3);
  });

  test("a host that reboots returns by itself; one that powers off stays off and silent", {
    timeout: 600_000,
  }, async () => {
    // On a busy machine systemd may not answer its own client in time, which then has passed nothing on.
    const order = (verb: string) =>
      eventually(`bhs-1 takes the order to ${verb}`, 60_000, async () => {
        return (await lab.exec("bhs-1", ["systemctl", "--no-block", verb])).exitCode === 0;
      });
    const before = await bootId("bhs-1");
    await order("reboot");
    await eventually("bhs-1 has rebooted", SHUTDOWN_MS_MAX + BOOT_MS_MAX, async () => {
      const { exitCode, stdout } = await lab.exec("bhs-1", ["cat", "/proc/sys/kernel/random/boot_id"]);
      return exitCode === 0 && stdout.trim() !== before;
    });
    await eventually("bhs-1 lets users in", BOOT_MS_MAX, async () => (await ssh("bhs-1", "true")).exitCode === 0);

    await order("poweroff");
    await eventually("bhs-1 is off", SHUTDOWN_MS_MAX, async () => (await lab.host("bhs-1"))?.power === "off");
    expect(await roundTrips("gra-1", "192.168.2.11")).toEqual([]);
    await lab.start("bhs-1");
  });

  test("a host installs Debian packages and reads files of the lab's own repository", async () => {
    const repository = path.join(directory, "..", "repository");
    await mkdir(repository);
    await writeFile(path.join(repository, "Release"), "a release\n");
    await lab.serveRepository(repository);
    expect(await shell("gra-2", `curl --silent --fail ${labAptRepositoryUrl}Release`)).toBe("a release");
    const upwards = `curl --silent --path-as-is --output /dev/null --write-out '%{http_code}' ${labAptRepositoryUrl}../lab.json`;
    expect(await shell("gra-2", upwards)).toBe("400");
    await shell(
      "gra-2",
      "apt-get -qq update && apt-get -qq install --yes --no-install-recommends etcd-client >/dev/null",
    );
    expect(await shell("gra-2", "etcdctl version")).toContain("3.5");
  });

  test("a rebuilt host has the name and address of the old one, and none of its files", async () => {
    const before = await addressOf("gra-2");
    await shell("gra-2", "touch /root/old");
    await lab.removeHost("gra-2");
    expect(await lab.host("gra-2")).toBeUndefined();
    expect(await add("gra-2", "gra", "192.168.1.12")).toMatchObject({ publicIp: before });
    await shell("gra-2", "! test -e /root/old");
  });

  test("a host that comes or goes leaves its neighbours' way to their router open", async () => {
    const { publicGateway, vrackRouter } = regionAddresses("gra");
    const known = async () => {
      for (const far of [await addressOf("bhs-1"), await addressOf("bhs-1", "vrack")]) {
        expect(await roundTrips("gra-1", far)).toHaveLength(3);
      }
      return shell("gra-1", "ip neigh show | cut -d ' ' -f 1-5 | sort");
    };
    await add("gra-3", "gra", "192.168.1.13");
    const before = await known();
    expect(before).toContain(`${publicGateway} dev eth0 lladdr ${macAddress(publicGateway)}`);
    expect(before).toContain(`${await addressOf("bhs-1", "vrack")} dev eth1 lladdr ${macAddress(vrackRouter)}`);
    await lab.removeHost("gra-3");
    expect(await known()).toBe(before);
  });

  test("a process in the controller's network makes several hosts at once", async () => {
    const maker = `
      const { Lab } = await import(process.argv[1]);
      const lab = await Lab.open(process.argv[2]);
      await lab.addHost({ name: process.argv[3], region: "witness", authorizedKeys: [], ingress: [], volumes: [] });`;
    const library = path.resolve(import.meta.dirname, "../../lab/hosts/lab.ts");
    const make = async (name: string) => {
      const node = [process.execPath, "--input-type=module", "-e", maker, library, directory, name];
      expect((await runArgv(lab.controllerCommand(node))).stderr).toBe("");
    };
    await Promise.all(["witness-1", "witness-2"].map(make));
    const made = (await lab.hosts()).filter(({ region }) => region === "witness");
    expect(made.map(({ power }) => power)).toEqual(["running", "running"]);
    expect(new Set(made.map(({ publicIp }) => publicIp)).size).toBe(2);
    for (const { name } of made) await lab.removeHost(name);
  });

  test("an impossible request is refused with the reason", async () => {
    await expect(add("gra-1", "gra", "192.168.1.50")).rejects.toThrow(/a host of this name already/);
    await expect(add("gra-9", "gra", "192.168.1.11")).rejects.toThrow(/belongs to another host/);
    await expect(lab.kill("nobody")).rejects.toThrow(/no host "nobody"\. There are: bhs-1, gra-1, gra-2/);
    await expect(lab.start("gra-1")).rejects.toThrow(/running already/);
    await expect(Lab.create({ directory })).rejects.toThrow(/There is a lab in .* already/);
  });

  test("a second lab runs beside the first, and leaves nothing behind", async () => {
    const second = await Lab.create({ directory: `${directory}-2` });
    const traces = await labTraces(second.directory);
    expect(traces.networks).toBe(4);
    await second.destroy();
    expect(await traces.remaining()).toEqual([]);
    expect((await ssh("gra-1", "true")).exitCode).toBe(0);
  });
});

describe.skipIf(obstacles.length > 0)(title("a lab whose maker was killed"), () => {
  const maker = `
    const { Lab } = await import(process.argv[1]);
    const lab = await Lab.create({ directory: process.argv[2] });
    await lab.addHost({ name: "gra-1", region: "gra", privateIp: "192.168.1.11", authorizedKeys: [], ingress: [],
      volumes: [{ id: "volume", sizeGiB: 1 }] });
    console.log("made");
    setInterval(() => {}, 1000);`;
  const guarded = `
    const { removeLabWithThisProcess } = await import(process.argv[3]);
    removeLabWithThisProcess(process.argv[4]);
    ${maker}`;
  const module = (file: string) => path.resolve(import.meta.dirname, "..", "..", file);

  /** Starts a program that makes a lab in a directory of its own. */
  async function startMaker(program = maker) {
    const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-lab-"));
    const directory = path.join(scratch, "lab");
    const args = [module("lab/hosts/lab.ts"), directory, module("test/lab-guard.ts"), scratch];
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    return { scratch, directory, child, ended: once(child, "exit") };
  }

  test.each([
    ["in the middle of its networks", "networks/bhs"],
    ["in the middle of a host", "hosts/gra-1/upper/etc/hostname"],
    ["while a host boots", "hosts/gra-1/init.pid"],
  ])("%s goes without a trace", async (_, sign) => {
    const { scratch, directory, child, ended } = await startMaker();
    await until(`${sign} is there`, 60_000, async () => existsSync(path.join(directory, sign)));
    child.kill("SIGKILL");
    await ended;
    const traces = await labTraces(directory);
    await Lab.destroy(directory);
    await rm(scratch, { recursive: true });
    expect(await traces.remaining()).toEqual([]);
  });

  test("is removed by its guard, with the directory around it", async () => {
    const { scratch, directory, child, ended } = await startMaker(guarded);
    await once(child.stdout, "data");
    const traces = await labTraces(directory);
    child.kill("SIGKILL");
    await ended;
    await until("nothing of the lab is left", 30_000, async () => (await traces.remaining()).length === 0);
    await until("its directory is gone", 10_000, async () => !existsSync(scratch));
  });

  test("is usable by the next process, hosts included", async () => {
    const { scratch, directory, child, ended } = await startMaker();
    try {
      await once(child.stdout, "data");
      child.kill("SIGKILL");
      await ended;
      const lab = await Lab.open(directory);
      expect((await lab.hosts()).map(({ name, power }) => [name, power])).toEqual([["gra-1", "running"]]);
      expect((await lab.exec("gra-1", ["true"])).exitCode).toBe(0);
      await lab.wan.cut("gra", "bhs");
    } finally {
      await Lab.destroy(directory);
      await rm(scratch, { recursive: true });
    }
  });
});
