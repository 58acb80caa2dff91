import { execFileSync } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accessTo, sshCommandLine } from "../../infra/ssh/access.ts";
import { clientFiles } from "../../infra/ssh/client-files.ts";
import { overSsh } from "../../infra/ssh/over-ssh.ts";
import { hiddenChanges, testConfig } from "./infra-fixtures.ts";

const host = { privateIp: "192.168.1.101", publicIp: "5.0.0.13" };
const pinned = { hostKeys: JSON.stringify({ "gra-haproxy-1": "ecdsa-sha2-nistp256 AAAA" }) };
const reached = (changes: Readonly<Record<string, string>>) => accessTo("gra-haproxy-1", host, testConfig(changes));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infra ssh "));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** What OpenSSH itself makes of the files, for an end of the connection. */
async function understood(changes: Readonly<Record<string, string>>, alias: string): Promise<Record<string, string>> {
  const { files, configuration } = clientFiles(reached(changes), "private key", directory);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory, name), text);
  const text = execFileSync("ssh", ["-G", "-F", path.join(directory, configuration), alias], { encoding: "utf8" });
  return Object.fromEntries(text.split("\n").map((line) => [line.split(" ")[0], line.split(" ").slice(1).join(" ")]));
}

describe("a command on a host", () => {
  test("goes to its public address, and trusts whichever key it shows, where none is pinned", async () => {
    const seen = await understood({}, "target");
    expect(seen).toMatchObject({
      ...{ hostname: "5.0.0.13", user: "debian", port: "22", batchmode: "yes", identitiesonly: "yes" },
      ...{ stricthostkeychecking: "false", userknownhostsfile: "/dev/null" },
    });
    expect(seen).not.toHaveProperty("proxycommand");
  });

  test("demands the key that is pinned for the host", async () => {
    expect(await understood(pinned, "target")).toMatchObject({
      ...{ hostname: "5.0.0.13", stricthostkeychecking: "true", hostkeyalias: "target" },
      ...{ userknownhostsfile: path.join(directory, "known_hosts"), globalknownhostsfile: "/dev/null" },
    });
    expect(clientFiles(reached(pinned), "k", directory).files["known_hosts"]).toBe("target ecdsa-sha2-nistp256 AAAA\n");
  });

  test("goes through the bastion, whose key it demands, to the private address", async () => {
    expect(await understood(hiddenChanges, "target")).toMatchObject({
      ...{ hostname: "192.168.1.101", stricthostkeychecking: "false" },
      proxycommand: `ssh -F "${directory}/config" -W [%h]:%p bastion`,
    });
    expect(await understood(hiddenChanges, "bastion")).toMatchObject({
      ...{ hostname: "bastion.example.com", port: "2222", user: "jump", stricthostkeychecking: "true" },
      ...{ hostkeyalias: "bastion", userknownhostsfile: path.join(directory, "known_hosts") },
    });
    expect(clientFiles(reached({ ...hiddenChanges, ...pinned }), "k", directory).files["known_hosts"]).toBe(
      "target ecdsa-sha2-nistp256 AAAA\nbastion ecdsa-sha2-nistp256 BBBB\n",
    );
  });

  test("keeps the private key out of its arguments and closed to others, and leaves nothing behind", async () => {
    const program = path.join(directory, "ssh");
    await writeFile(program, '#!/bin/sh\necho "$2"; stat -c "%a %n" "$(dirname "$2")"/*; echo "$*" >&2; cat >&2\n', {
      mode: 0o755,
    });
    const access = reached({});
    const environment = { ...process.env, PATH: `${directory}:${process.env["PATH"]}` };
    const command = {
      access,
      privateKey: "private key",
      command: "true",
      input: "input",
      environment,
      timeoutMs: 10_000,
    };
    const { stdout, stderr, status } = await overSsh(command);
    const [file = "", ...modes] = stdout.trim().split("\n");
    expect(status).toBe(0);
    expect(modes.map((line) => line.split(" ")[0])).toEqual(["600", "600", "600"]);
    expect(stderr).toMatch(/^-F \S+ target true\ninput$/);
    await expect(stat(path.dirname(file))).rejects.toThrow("ENOENT");
  });
});

test("a person is shown the same way", () => {
  expect(sshCommandLine("debian", "5.0.0.13", null)).toBe("ssh debian@5.0.0.13");
  const { bastion } = testConfig(hiddenChanges);
  expect(sshCommandLine("debian", "192.168.1.11", bastion)).toBe(
    "ssh -J jump@bastion.example.com:2222 debian@192.168.1.11",
  );
});
