import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { toolsRootDirectory } from "../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../lab/machine/tools-command.ts";
import { freePort } from "../../lab/util/free-ports.ts";
import { outcomeOf } from "../../lab/util/run.ts";
import { until } from "../../lab/util/until.ts";

const obstacles = await labObstacles();
const reason = obstacles.length === 0 ? "" : ` (skipped: ${obstacles.join(" ")})`;

describe.skipIf(obstacles.length > 0)(`programs of the tools root${reason}`, () => {
  test("are the versions that the hosts get: HAProxy 3.0 and etcd 3.5", async () => {
    const root = await toolsRootDirectory();
    const version = async (...argv: string[]) => {
      const [command = "", ...args] = toolsCommand(root, argv);
      return (await outcomeOf(command, args)).stdout;
    };
    expect(await version("haproxy", "-v")).toContain("HAProxy version 3.0.");
    expect(await version("etcd", "--version")).toContain("etcd Version: 3.5.");
  });

  test("serve on loopback, read the directory that they are given, end on a signal, and leave no mount behind", async () => {
    const root = await toolsRootDirectory();
    const directory = await mkdtemp(path.join(tmpdir(), "es-failover-tools-"));
    try {
      const port = await freePort();
      const config = path.join(directory, "haproxy.cfg");
      await writeFile(
        config,
        `defaults
  mode http
  timeout client 5s
frontend test
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain string served
`,
      );
      const [command = "", ...args] = toolsCommand(root, ["haproxy", "-db", "-f", config], [directory]);
      const child = spawn(command, args, { stdio: "inherit" });
      const ended = once(child, "exit");
      const answer = async () => fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
      await until("HAProxy answers", 10_000, async () => (await answer().catch(() => "")) === "served");
      // The spawned process is the program itself.
      expect(await readFile(`/proc/${child.pid}/comm`, "utf8")).toBe("haproxy\n");
      child.kill("SIGKILL");
      await ended;
      expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(root);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
