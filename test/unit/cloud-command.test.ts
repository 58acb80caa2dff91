import { describe, expect, test, vi } from "vitest";
import { localCommand } from "../../lab/cloud/command/local-command.ts";
import { remoteCommand } from "../../lab/cloud/command/remote-command.ts";
import type { Call } from "../../lab/cloud/protocol/package.ts";

const logged: string[] = [];
const call: Call = {
  urn: "urn:pulumi:stack::project::command:local:Command::made",
  name: "made",
  signal: new AbortController().signal,
  log: (_severity, message) => void logged.push(message),
};
const connection = { host: "127.0.0.1", port: 1, user: "debian", privateKey: "unused", dialErrorLimit: 1 };

describe("a command of the lab answers as the real provider", () => {
  test("a dead SSH agent in the environment fails it, although the key needs none", async () => {
    vi.stubEnv("SSH_AUTH_SOCK", "/nonexistent/agent.sock");
    const failed = remoteCommand.create({ connection, create: "true" }, call);
    await expect(failed).rejects.toThrow(/^dial unix \/nonexistent\/agent\.sock: connect ENOENT/);
    vi.unstubAllEnvs();
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
