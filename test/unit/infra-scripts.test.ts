import { execFile, execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileUsersInput } from "../../infra/elasticsearch/users.ts";
import { roleDefinitions, users } from "../../watchdog/config/roles.ts";

const execute = promisify(execFile);
const infra = path.join(import.meta.dirname, "..", "..", "infra");
const scripts = readdirSync(infra, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sh"));
const shellcheck = ["/usr/bin/shellcheck", "/usr/local/bin/shellcheck"].find((file) => existsSync(file));

describe("provisioning scripts", () => {
  test.each(scripts)("%s is valid bash", async (script) => {
    await execute("bash", ["-n", path.join(infra, script)]);
  });

  test.skipIf(shellcheck === undefined)(
    `pass shellcheck ${shellcheck === undefined ? "(it is not installed)" : ""}`,
    () => {
      execFileSync(shellcheck ?? "", ["--external-sources", ...scripts], { cwd: infra });
    },
  );

  test.each(scripts)("%s stops at the first error", async (script) => {
    const text = await readFile(path.join(infra, script), "utf8");
    const sourcesCommon = /^\. "\$\(dirname "\$0"\)\/.*common\.sh"$/m.test(text);
    expect(sourcesCommon || text.includes("set -euo pipefail") || text.includes("Sourced after")).toBe(true);
  });

  test.each(scripts.filter((name) => statSync(path.join(infra, name)).mode & 0o100))(
    "%s passes no password as an argument",
    async (script) => {
      const text = await readFile(path.join(infra, script), "utf8");
      expect(text).not.toMatch(/(--user|-u) +"?\$?\w*password/i);
    },
  );
});

describe("file-users.py", () => {
  let directory: string;
  const group = execFileSync("id", ["-gn"], { encoding: "utf8" }).trim();

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "file-users-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function write(passwords: { watchdog: string; haproxyCheck: string }): string[] {
    const input = fileUsersInput({ directory, group, patterns: ["app-*"] }, { ...passwords, app: "unused" });
    const script = path.join(infra, "elasticsearch", "file-users.py");
    const output = execFileSync("python3", [script], { input, encoding: "utf8" });
    return output.split("\n").filter((line) => line !== "");
  }
  const read = (name: string) => readFile(path.join(directory, name), "utf8");

  test("writes users, their roles and the roles' privileges, closed to other users, without a password in clear", async () => {
    const files = ["roles.yml", "users_roles", "users"];
    expect(write({ watchdog: "w-secret", haproxyCheck: "h-secret" })).toEqual(
      files.map((name) => path.join(directory, name)),
    );
    for (const name of files) expect((await stat(path.join(directory, name))).mode & 0o777).toBe(0o640);
    expect(await read("users_roles")).toBe(
      "# Rendered by `pulumi up`.\nes_failover_watchdog:es-failover\nes_failover_haproxy_check:haproxy-check\n",
    );
    expect(await read("users")).toMatch(/^es-failover:\{PBKDF2\}50000\$[\w+/=]{44}\$[\w+/=]{44}$/m);
    expect(await read("users")).not.toMatch(/secret|^app:/m);
    const [, role] = /^es_failover_haproxy_check: (.*)$/m.exec(await read("roles.yml")) ?? [];
    expect(JSON.parse(role ?? "")).toEqual(roleDefinitions({ patterns: ["app-*"] })[users.haproxyCheck.role]);
    expect(await read("roles.yml")).not.toContain("es_failover_app");
  });

  test("changes nothing while the passwords are the same, and only the user whose password has changed", async () => {
    write({ watchdog: "one", haproxyCheck: "two" });
    const before = (await read("users")).split("\n");
    expect(write({ watchdog: "one", haproxyCheck: "two" })).toEqual([]);
    expect(write({ watchdog: "one", haproxyCheck: "three" })).toEqual([path.join(directory, "users")]);
    const after = (await read("users")).split("\n");
    expect(after[1]).toBe(before[1]);
    expect(after[2]).not.toBe(before[2]);
  });

  test("replaces users that were added by hand, and hashes of another kind", async () => {
    await writeFile(path.join(directory, "users"), "intruder:$2a$10$abc\nes-failover:{PBKDF2}10000$AAAA$AAAA\n");
    write({ watchdog: "one", haproxyCheck: "two" });
    expect(await read("users")).not.toMatch(/intruder|10000\$AAAA/);
  });
});

describe("install-files.py", () => {
  let directory: string;
  const { username } = userInfo();
  const group = execFileSync("id", ["-gn"], { encoding: "utf8" }).trim();

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "install-files-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function install(name: string, content: string, mode: string): string[] {
    const files = [{ path: path.join(directory, name), content, mode, owner: username, group }];
    const output = execFileSync("python3", [path.join(infra, "provision", "install-files.py")], {
      input: JSON.stringify({ files }),
      encoding: "utf8",
    });
    return output.split("\n").filter((line) => line !== "");
  }

  test("writes a file with its permissions, and leaves a current one unchanged", async () => {
    const file = path.join(directory, "a", "secret");
    expect(install("a/secret", "s3cret\n", "0640")).toEqual([file]);
    expect(await readFile(file, "utf8")).toBe("s3cret\n");
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect(install("a/secret", "s3cret\n", "0640")).toEqual([]);
  });

  test("restores content and permissions that were changed by hand", async () => {
    const file = path.join(directory, "config");
    install("config", "right\n", "0600");
    await writeFile(file, "wrong\n");
    expect(install("config", "right\n", "0600")).toEqual([file]);
    expect(install("config", "right\n", "0644")).toEqual([file]);
    expect((await stat(file)).mode & 0o777).toBe(0o644);
  });

  test("replaces a symbolic link instead of writing through it", async () => {
    const elsewhere = path.join(directory, "elsewhere");
    await writeFile(elsewhere, "untouched\n");
    await symlink(elsewhere, path.join(directory, "link"));
    install("link", "own\n", "0600");
    expect(await readFile(elsewhere, "utf8")).toBe("untouched\n");
    expect(await readFile(path.join(directory, "link"), "utf8")).toBe("own\n");
  });
});

describe("private-route.sh", () => {
  let directory: string;
  const script = path.join(infra, "provision", "private-route.sh");

  /** `ip` and `networkctl` of a host with a default route on both interfaces, which keep what they are asked for. */
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "private-route-"));
    const programs = {
      ip: `echo "$*" >>ip.log
case "$*" in
  *"address show") echo "2: ens3 inet 5.0.0.1/32 scope global ens3"; echo "3: ens4 inet 192.168.1.11/16 scope global ens4" ;;
  "-4 route show default dev ens4") [ -e deleted ] || echo "default via 192.168.1.1 proto dhcp" ;;
  "-4 route del default dev ens4") touch deleted ;;
esac`,
      systemctl: '[ "$NETWORK_FILE" != inactive ]',
      networkctl: `echo "$*" >>networkctl.log
[ "$1" != status ] || echo "     Network File: \${NETWORK_FILE}"`,
    };
    for (const [name, text] of Object.entries(programs)) {
      await writeFile(path.join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function run(networkFile: string, ...gateway: readonly string[]): string {
    const env = {
      ...process.env,
      PATH: `${directory}:${process.env["PATH"]}`,
      NETWORK_DIRECTORY: path.join(directory, "network"),
      NETWORK_FILE: networkFile,
      PRIVATE_ROUTE_SECONDS: "0",
    };
    execFileSync(script, ["192.168.1.11", ...gateway], { cwd: directory, env, stdio: "pipe" });
    const log = path.join(directory, "networkctl.log");
    return existsSync(log) ? readFileSync(log, "utf8") : "";
  }
  const dropIn = () => path.join(directory, "network", "10-netplan-ens4.network.d", "60-es-failover.conf");

  test("refuses the gateway that DHCP offers on the private interface, now and for good, and not twice", async () => {
    const first = run("/run/systemd/network/10-netplan-ens4.network");
    expect(await readFile(dropIn(), "utf8")).toMatch(/^\[DHCPv4\]\nUseGateway=no$/m);
    expect(first).toContain("reload\nreconfigure ens4\n");
    expect(existsSync(path.join(directory, "deleted"))).toBe(true);
    expect(run("/run/systemd/network/10-netplan-ens4.network")).toBe(`${first}status ens4\n`);
    expect(await readFile(path.join(directory, "ip.log"), "utf8")).not.toContain("ens3");
  });

  test("keeps the gateway that DHCP offers where it is the host's way to the internet, and takes it again where it was refused", () => {
    const networkFile = "/run/systemd/network/10-netplan-ens4.network";
    expect(run(networkFile, "192.168.1.1")).toBe("status ens4\n");
    expect(existsSync(path.join(directory, "deleted"))).toBe(false);
    run(networkFile);
    expect(existsSync(dropIn())).toBe(true);
    // DHCP offers it again.
    rmSync(path.join(directory, "deleted"));
    expect(run(networkFile, "192.168.1.1").split("\n").slice(-4, -1)).toEqual([
      "status ens4",
      "reload",
      "reconfigure ens4",
    ]);
    expect(existsSync(dropIn())).toBe(false);
  });

  test("fails where the host has no default route by its gateway, and names where to look", () => {
    expect(() => run("n/a", "192.168.1.2")).toThrow(
      /timed out after 0 s waiting for a default route by the gateway 192\.168\.1\.2 on ens4\. DHCP offers it: check/,
    );
  });

  test.each([
    ["the interface", "n/a", "status ens4\n"],
    ["the host", "inactive", ""],
  ])("removes the route where something else runs %s", (_, networkFile, asked) => {
    expect(run(networkFile)).toBe(asked);
    expect(existsSync(dropIn())).toBe(false);
    expect(existsSync(path.join(directory, "deleted"))).toBe(true);
  });
});

describe("virtual-address.sh", () => {
  let directory: string;
  let server: Server;
  let port: number;

  /** A host with keepalived on which every command succeeds; `held` is what its interface has besides. */
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "virtual-address-"));
    const programs = {
      "dpkg-query": "echo 'ii 2.3.3'",
      ip: 'echo "3: ens4 inet 127.0.0.1/16 scope global ens4"; [ ! -e held ] || echo "3: ens4 inet 127.0.0.190/32 scope global ens4"',
      getent: "exit 0",
      keepalived: "cat conf >tested",
      systemctl: 'echo "$*" >>systemctl.log',
    };
    for (const [name, text] of Object.entries(programs)) {
      await writeFile(path.join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.2", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** The other HAProxy host has the address 127.0.0.2. */
  async function run(virtualAddress: string): Promise<string> {
    const own = { owner: userInfo().username, group: execFileSync("id", ["-gn"], { encoding: "utf8" }).trim() };
    const conf = { path: path.join(directory, "conf"), content: "interface @INTERFACE@\n", mode: "0644", ...own };
    const input = { privateIp: "127.0.0.1", virtualAddress, peers: "127.0.0.2", port: String(port), files: [conf] };
    const env = {
      ...process.env,
      PATH: `${directory}:${process.env["PATH"]}`,
      PROVISIONING_STATE: directory,
      VIRTUAL_ADDRESS_SECONDS: "1",
    };
    const running = execute(path.join(infra, "haproxy", "virtual-address.sh"), { cwd: directory, env });
    running.child.stdin?.end(JSON.stringify(input));
    return running.then(
      () => "",
      ({ stderr }: { readonly stderr: string }) => stderr,
    );
  }
  const text = (name: string) => readFile(path.join(directory, name), "utf8");

  test("gives keepalived the private interface, checks its configuration, and loads it only when it has changed", async () => {
    await writeFile(path.join(directory, "held"), "");
    expect(await run("127.0.0.190")).toBe("");
    expect(await text("tested")).toBe("interface ens4\n");
    const first = await text("systemctl.log");
    expect(first).toMatch(/^daemon-reload\nenable .*keepalived\n.*\nreload keepalived\n$/);
    expect(await run("127.0.0.190")).toBe("");
    expect((await text("systemctl.log")).slice(first.length)).not.toContain("\nreload");
  });

  test("succeeds on a host from which the holder is reached by the virtual address", async () => {
    expect(await run("127.0.0.2")).toBe("");
  });

  test("fails where the holder is reached by its own address alone: the cloud drops packets of the virtual one", async () => {
    expect(await run("127.0.0.3")).toMatch(
      /127\.0\.0\.3 does not answer from here, although 127\.0\.0\.2 is reached: .*docs\/app/,
    );
  });

  test("fails where no HAProxy host answers, and points to keepalived", async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await run("127.0.0.3")).toMatch(
      /no HAProxy host of the region holds 127\.0\.0\.3.*journalctl -u keepalived/,
    );
  });
});

describe("authorized-keys.sh", () => {
  let directory: string;
  const keys = () => readFile(path.join(directory, ".ssh", "authorized_keys"), "utf8");

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "authorized-keys-"));
    await mkdir(path.join(directory, ".ssh"));
    await writeFile(path.join(directory, "getent"), `#!/bin/sh\necho "debian:x:1:1::${directory}:/bin/sh"\n`, {
      mode: 0o755,
    });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function allow(key: string): void {
    const env = { ...process.env, PATH: `${directory}:${process.env["PATH"]}` };
    execFileSync(path.join(infra, "provision", "authorized-keys.sh"), ["debian", key], { env, stdio: "pipe" });
  }

  test("leaves one key of provisioning, and those of administrators, in a file that others cannot write", async () => {
    const file = path.join(directory, ".ssh", "authorized_keys");
    await writeFile(file, "ssh-ed25519 OLD es-failover\nssh-ed25519 MINE me@home\nssh-ed25519 NEW es-failover\n", {
      mode: 0o600,
    });
    allow("ssh-ed25519 NEW es-failover");
    expect(await keys()).toBe("ssh-ed25519 MINE me@home\nssh-ed25519 NEW es-failover\n");
    allow("ssh-ed25519 NEW es-failover");
    expect(await keys()).toBe("ssh-ed25519 MINE me@home\nssh-ed25519 NEW es-failover\n");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("changes nothing where the file is missing, and fails", async () => {
    expect(() => allow("ssh-ed25519 NEW es-failover")).toThrow(/which key does provisioning log in with/);
  });
});
