import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { missingCredentials } from "../../infra/config/credentials.ts";
import { deadAgent } from "../../infra/config/ssh-agent.ts";

const problem = (raw: Record<string, string>, environment: Record<string, string> = {}) =>
  missingCredentials({ raw, environment, hasFile: false });

describe("OVHcloud's credentials", () => {
  test.each<[string, Record<string, string>, Record<string, string>]>([
    [
      "an application's keys in the stack",
      { "ovh:endpoint": "ovh-eu", "ovh:applicationKey": "a", "ovh:applicationSecret": "s", "ovh:consumerKey": "c" },
      {},
    ],
    ["a service account", { "ovh:endpoint": "ovh-eu", "ovh:clientId": "i", "ovh:clientSecret": "s" }, {}],
    ["a token in the environment", {}, { OVH_ENDPOINT: "ovh-eu", OVH_ACCESS_TOKEN: "t" }],
    ["one half here, the other there", { "ovh:endpoint": "ovh-eu", "ovh:clientId": "i" }, { OVH_CLIENT_SECRET: "s" }],
  ])("are complete with %s", (_, raw, environment) => {
    expect(problem(raw, environment)).toBeNull();
  });

  test("that are incomplete are named by key, of the way that was begun, with what to do", () => {
    const begun = { "ovh:endpoint": "ovh-eu", "ovh:clientId": "i" };
    expect(problem(begun)).toMatch(/incomplete: ovh:clientSecret missing\. .*pulumi config set --secret/);
    expect(problem({})).toMatch(
      /incomplete: ovh:endpoint, ovh:applicationKey, ovh:applicationSecret, ovh:consumerKey missing/,
    );
    expect(problem({ "ovh:applicationKey": "", "ovh:endpoint": "" })).toMatch(/ovh:endpoint, ovh:applicationKey/);
  });

  test("are not judged where the provider has a file of its own", () => {
    expect(missingCredentials({ raw: {}, environment: {}, hasFile: true })).toBeNull();
  });
});

describe("the SSH agent of the environment", () => {
  test("may be absent, and is named with the way out when it does not answer", async () => {
    expect(await deadAgent({})).toBeNull();
    expect(await deadAgent({ SSH_AUTH_SOCK: "" })).toBeNull();
    expect(await deadAgent({ SSH_AUTH_SOCK: "/nonexistent/agent" })).toMatch(
      /^SSH_AUTH_SOCK names an SSH agent that does not answer \(\/nonexistent\/agent\), .*`unset SSH_AUTH_SOCK`/,
    );
  });

  test("is accepted when it answers", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "agent-"));
    const server = createServer((socket) => socket.on("error", () => undefined)).listen(path.join(directory, "socket"));
    await once(server, "listening");
    expect(await deadAgent({ SSH_AUTH_SOCK: path.join(directory, "socket") })).toBeNull();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });
});
