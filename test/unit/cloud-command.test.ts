import { beforeEach, describe, expect, test, vi } from "vitest";
import { localCommand } from "../../lab/cloud/command/local-command.ts";
import { remoteCommand } from "../../lab/cloud/command/remote-command.ts";
import type { Call } from "../../lab/cloud/protocol/package.ts";
import type { PropertyMap } from "../../lab/cloud/protocol/values.ts";

const logged: string[] = [];
const call: Call = {
  urn: "urn:pulumi:stack::project::command:local:Command::made",
  name: "made",
  signal: new AbortController().signal,
  log: (_severity, message) => void logged.push(message),
};
const privateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nunused\n-----END OPENSSH PRIVATE KEY-----\n";
const connection = { host: "127.0.0.1", port: 1, user: "debian", privateKey, dialErrorLimit: 1 };
const proxy = { host: "127.0.0.1", port: 1, user: "jump", privateKey, dialErrorLimit: 2 };

beforeEach(() => {
  logged.length = 0;
});

describe("a command of the lab answers as the real provider", () => {
  test("a dead SSH agent in the environment fails it, although the key needs none", async () => {
    vi.stubEnv("SSH_AUTH_SOCK", "/nonexistent/agent.sock");
    const failed = remoteCommand.create({ connection, create: "true" }, call);
    await expect(failed).rejects.toThrow(/^dial unix \/nonexistent\/agent\.sock: connect ENOENT/);
    vi.unstubAllEnvs();
  });

  test.each([
    ["a private key that is none", { privateKey: "secret" }, "ssh: no key found"],
    ["a host key that is none", { hostKey: "ecdsa-sha2-nistp256 AAAA" }, "failed to parse host key: ssh: no key found"],
  ])("%s fails it at once, and in a proxy as well", async (_, malformed, message) => {
    const failing = (to: PropertyMap) => remoteCommand.create({ connection: to, create: "true" }, call);
    await expect(failing({ ...connection, ...malformed })).rejects.toThrow(new RegExp(`^${message}$`));
    await expect(failing({ ...connection, proxy: { ...proxy, ...malformed } })).rejects.toThrow(
      new RegExp(`^proxy: ${message}$`),
    );
  });

  test.each([
    ["host", { host: "" }, "names no host"],
    ["dialErrorLimit", { dialErrorLimit: 2.5 }, "must be a whole number"],
    ["password", { password: "secret" }, "logs in with an unencrypted privateKey"],
  ])("a malformed proxy is refused before anything runs: %s", (name, malformed, reason) => {
    const inputs = { connection: { ...connection, proxy: { ...proxy, ...malformed } }, create: "true" };
    expect(remoteCommand.violations?.(inputs)).toEqual([
      { property: `connection.proxy.${name}`, reason: expect.stringContaining(reason) },
    ]);
  });

  test("a proxy that does not answer fails it after the proxy's own limit of dials, and is named", async () => {
    const dialled = remoteCommand.create({ connection: { ...connection, proxy }, create: "true" }, call);
    await expect(dialled).rejects.toThrow(/^proxy: SSH to jump@127\.0\.0\.1:1 failed 3 times, .*Connection refused/s);
  });

  test("a changed trigger replaces it, also where it has an update, so that create runs again", () => {
    const change = { changed: ["triggers"], replaces: [], deleteBeforeReplace: false };
    const inputs = { create: "true", update: "true", triggers: ["second"] };
    expect(localCommand.change?.(change, { inputs: {}, outputs: {} }, inputs).replaces).toEqual(["triggers"]);
    const other = { ...change, changed: ["create"] };
    expect(localCommand.change?.(other, { inputs: {}, outputs: {} }, inputs).replaces).toEqual([]);
  });

  test("a failed script is shown with all of its output, whatever may be logged", async () => {
    const inputs = { create: "echo out; echo err >&2; exit 3", logging: "none" };
    await expect(localCommand.create(inputs, call)).rejects.toThrow(
      'Process exited with status 3: running "echo out; echo err >&2; exit 3":\nout\nerr',
    );
    expect(logged).toEqual([]);
  });

  test("a logged line of 64 KiB fails it, at which the real one hangs; one that is not logged does not", async () => {
    const create = "head -c 70000 /dev/zero | tr '\\0' x; echo";
    await expect(localCommand.create({ create }, call)).rejects.toThrow(/the real provider hangs at one of 64 KiB/);
    const { outputs } = await localCommand.create({ create, logging: "stderr" }, call);
    expect(outputs["stdout"]).toHaveLength(70_000);
  });

  test("such a line fails it also while it is still fed", async () => {
    const create = "head -c 70000 /dev/zero | tr '\\0' x; echo; exec sleep 60";
    const fed = localCommand.create({ create, stdin: "y".repeat(5_000_000) }, call);
    await expect(fed).rejects.toThrow(/the real provider hangs at one of 64 KiB/);
  });

  test("a variable that sshd does not accept fails it, the output of the run before included", async () => {
    const inputs = { connection, create: "true", environment: { PASSWORD: "p" } };
    await expect(remoteCommand.create(inputs, call)).rejects.toThrow(/ssh: setenv failed \(PASSWORD/);
    const old = { inputs: {}, outputs: { stdout: "before" } };
    const again = remoteCommand.update?.("id", old, { connection, create: "true" }, call);
    await expect(again).rejects.toThrow(/ssh: setenv failed \(PULUMI_COMMAND_STDOUT/);
  });
});
