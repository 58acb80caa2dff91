import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stagingDirectory } from "../../infra/provision/staging.ts";
import { Lab } from "../../lab/hosts/lab.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { run } from "../../lab/util/run.ts";
import { until } from "../../lab/util/until.ts";
import { removeLabWithThisProcess } from "../lab-guard.ts";

const provision = path.join(import.meta.dirname, "..", "..", "infra", "provision");
const obstacles = await labObstacles();
const suffix = obstacles.length === 0 ? "" : ` (not run: ${obstacles.join(" ")})`;
/** Both ends of a cable between the two hosts, which is the private network here: no firewall is in the way of DHCP. */
const device = "private0";
const gateway = "192.168.9.1";

const networks = {
  server: `[Match]
Name=${device}
[Network]
Address=${gateway}/24
DHCPServer=yes
[DHCPServer]
EmitRouter=yes
EmitDNS=no
EmitNTP=no
EmitTimezone=no
PoolOffset=10
PoolSize=5
`,
  client: `[Match]
Name=${device}
[Network]
DHCP=ipv4
`,
};

describe.skipIf(obstacles.length > 0)(
  `a host whose private network's DHCP service offers a default route${suffix}`,
  () => {
    let scratch: string;
    let lab: Lab;
    let privateIp: string;

    async function onClient(argv: readonly string[], input = ""): Promise<string> {
      const { exitCode, stdout, stderr } = await lab.exec("client", argv, { input });
      if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
      return stdout;
    }
    const write = (host: string, file: string, content: string) =>
      lab.exec(host, ["sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod 755 "$0"', file], {
        input: content,
      });
    const defaultRoutes = async () => (await onClient(["ip", "-4", "route", "show", "default", "dev", device])).trim();
    /** The client has its lease, and has done all that follows from it. */
    const configured = () =>
      until("the client has its lease", 30_000, async () => {
        const status = await onClient(["networkctl", "status", device]);
        const addresses = await onClient(["ip", "-4", "-oneline", "address", "show", "dev", device]);
        return / State: routable \(configured\)/.test(status) && /inet 192\.168\.9\.\d+/.test(addresses);
      });
    const privateRoute = (...args: readonly string[]) =>
      onClient([`${stagingDirectory}/provision/private-route.sh`, privateIp, ...args]);

    beforeAll(async () => {
      scratch = await mkdtemp(path.join(tmpdir(), "private-route-"));
      removeLabWithThisProcess(scratch);
      lab = await Lab.create({ directory: path.join(scratch, "lab") });
      const spec = { region: "gra", authorizedKeys: [], ingress: [], volumes: [] } as const;
      await Promise.all([lab.addHost({ ...spec, name: "server" }), lab.addHost({ ...spec, name: "client" })]);
      const [server, client] = ["server", "client"].map((name) => path.join(lab.directory, "networks", `host-${name}`));
      const ends = ["netns", server ?? "", "type", "veth", "peer", "name", device, "netns", client ?? ""];
      await run("ip", ["link", "add", "name", device, ...ends]);
      for (const script of ["common.sh", "private-route.sh"]) {
        const text = await readFile(path.join(provision, script), "utf8");
        await write("client", `${stagingDirectory}/provision/${script}`, text);
      }
      for (const [host, network] of Object.entries(networks)) {
        await write(host, `/etc/systemd/network/${device}.network`, network);
        await lab.exec(host, ["systemctl", "start", "systemd-networkd"]);
      }
      await configured();
      const address = await onClient(["ip", "-4", "-oneline", "address", "show", "dev", device]);
      privateIp = /inet (\S+)\//.exec(address)?.[1] ?? "";
    });

    afterAll(async () => {
      await lab?.destroy();
      await rm(scratch, { recursive: true, force: true });
    });

    test("has two default routes, before anything is done about it", async () => {
      expect(await defaultRoutes()).toMatch(new RegExp(`^default via ${gateway} proto dhcp`));
      expect(await onClient(["ip", "-4", "route", "show", "default", "dev", "eth0"])).toContain("default via");
    });

    test("refuses it for good: at once, after each lease, and when its network service restarts", async () => {
      await privateRoute();
      await configured();
      expect(await defaultRoutes()).toBe("");
      await onClient(["networkctl", "reconfigure", device]);
      await configured();
      expect(await defaultRoutes()).toBe("");
      await onClient(["systemctl", "restart", "systemd-networkd"]);
      await configured();
      expect(await defaultRoutes()).toBe("");
      expect(await onClient(["ip", "-4", "route", "show", "default", "dev", "eth0"])).toContain("default via");
    });

    test("takes it again where it is the gateway that the host is to use", async () => {
      expect(await defaultRoutes()).toBe("");
      await privateRoute(gateway);
      expect(await defaultRoutes()).toMatch(new RegExp(`^default via ${gateway} proto dhcp`));
    });
  },
);
