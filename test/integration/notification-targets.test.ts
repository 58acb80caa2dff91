import { createHmac } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../lab/util/free-ports.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { notificationsSchema } from "../../watchdog/config/notifications.ts";
import { connectTarget } from "../../watchdog/notifications/targets/connect.ts";
import { sampleEvent } from "../unit/support/notifications.ts";
import { type CertificateFiles, TestAuthority } from "./support/certificates.ts";
import { MailReceiver, WebhookReceiver } from "./support/receivers.ts";

let directory: string;
let authority: TestAuthority;
let other: TestAuthority;
let files: CertificateFiles;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-targets-"));
  authority = await TestAuthority.create(directory);
  other = await TestAuthority.create(directory, "other");
  files = await authority.issue("receiver", "/CN=receiver");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const at = (name: string) => path.join(directory, name);
const never = new AbortController().signal;

function target(settings: object) {
  const [parsed] = notificationsSchema.parse({ targets: [{ name: "on-call", ...settings }] }).targets;
  if (parsed === undefined) throw new Error("unreachable");
  return connectTarget(parsed, systemClock);
}

async function secret(name: string, content: string): Promise<string> {
  await writeFile(at(name), `${content}\n`, { mode: 0o600 });
  await chmod(at(name), 0o600);
  return at(name);
}

async function webhooks(certificate: CertificateFiles | null = files): Promise<WebhookReceiver> {
  const receiver = await WebhookReceiver.listen(certificate);
  open.push(receiver);
  return receiver;
}

async function mails(options: Parameters<typeof MailReceiver.listen>[1] = {}): Promise<MailReceiver> {
  const receiver = await MailReceiver.listen(files, options);
  open.push(receiver);
  return receiver;
}

describe("a webhook over HTTPS", () => {
  test("receives the event as JSON with its id, signed with the secrets that the file has at that time", async () => {
    const receiver = await webhooks();
    const secretFile = await secret("hook-secret", "first-secret");
    const hook = target({ kind: "webhook", url: receiver.url, caFile: authority.caFile, secretFile });
    await hook.send(sampleEvent(), never);
    await secret("hook-secret", "first-secret\nsecond-secret");
    await hook.send(sampleEvent(), never);
    expect(receiver.posted).toHaveLength(2);
    for (const [n, { headers, body }] of receiver.posted.entries()) {
      expect(headers).toMatchObject({
        "content-type": "application/json",
        "idempotency-key": sampleEvent().id,
        "es-failover-event": "failover",
      });
      const [t = "", ...signatures] = String(headers["es-failover-signature"]).split(",");
      expect(Math.abs(Date.now() / 1_000 - Number(t.slice(2)))).toBeLessThan(60);
      const digest = (key: string) =>
        createHmac("sha256", key)
          .update(`${t.slice(2)}.${body}`)
          .digest("hex");
      expect(signatures).toEqual(["first-secret", "second-secret"].slice(0, n + 1).map((key) => `v1=${digest(key)}`));
      expect(JSON.parse(body)).toMatchObject({
        version: 1,
        kind: "failover",
        at: "2030-01-01T12:00:00.000Z",
        to: "bhs",
      });
    }
  });

  test("is not sent to a server whose certificate another authority signed, nor to the target of a redirect", async () => {
    const receiver = await webhooks();
    const settings = { kind: "webhook", url: receiver.url };
    await expect(target({ ...settings, caFile: other.caFile }).send(sampleEvent(), never)).rejects.toThrow(
      /^127\.0\.0\.1:\d+: .*certificate/,
    );
    await expect(target(settings).send(sampleEvent(), never)).rejects.toThrow(/certificate/);
    expect(receiver.posted).toEqual([]);
    const elsewhere = await webhooks();
    receiver.status = 307;
    receiver.headers = { location: elsewhere.url };
    const trusted = target({ ...settings, caFile: authority.caFile });
    await expect(trusted.send(sampleEvent(), never)).rejects.toThrow(/answered 307/);
    expect(elsewhere.posted).toEqual([]);
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    ["refuses", async () => failing(503), /^127\.0\.0\.1:\d+ answered 503: taken$/],
    ["does not listen", async () => `http://127.0.0.1:${await freePort()}/`, /^127\.0\.0\.1:\d+: .*ECONNREFUSED/],
    ["does not answer in time", async () => (await hanging()).url, /no answer within 300 ms/],
  ])("fails with the reason, when the server %s", async (_what, url, reason) => {
    const hook = target({ kind: "webhook", url: await url(), timeoutMs: 300 });
    await expect(hook.send(sampleEvent(), never)).rejects.toThrow(reason);
  });

  async function failing(status: number): Promise<string> {
    const receiver = await webhooks(null);
    receiver.status = status;
    return receiver.url;
  }

  async function hanging(): Promise<{ readonly url: string }> {
    const { createServer } = await import("node:net");
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ close: async () => void server.close() });
    const address = server.address();
    return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/` };
  }
});

describe("a chat", () => {
  test("receives a text at the URL in the file, which no error shows", async () => {
    const receiver = await webhooks();
    const urlFile = await secret("chat-url", receiver.url.replace("/hook", "/services/T0/SECRET"));
    const chat = target({ kind: "slack", urlFile, caFile: authority.caFile });
    await chat.send(sampleEvent(), never);
    expect(receiver.posted[0]?.path).toBe("/services/T0/SECRET");
    const { text } = JSON.parse(receiver.posted[0]?.body ?? "{}");
    expect(text).toContain("*[CRITICAL] Failover: bhs serves in place of gra*");
    expect(text).toContain("What to do: Repair gra.");
    receiver.status = 404;
    const failed = await chat.send(sampleEvent(), never).catch(String);
    expect(failed).toMatch(/answered 404/);
    expect(failed).not.toContain("SECRET");
  });

  test.each([
    ["plain http to another host", "http://hooks.example.com/SECRET", /holds no https URL/],
    ["no URL", "SECRET", /holds no https URL/],
  ])("is not sent with %s", async (_what, content, reason) => {
    const sent = target({ kind: "slack", urlFile: await secret("wrong-url", content) }).send(sampleEvent(), never);
    await expect(sent).rejects.toThrow(reason);
    await expect(sent).rejects.not.toThrow(/SECRET/);
  });
});

describe("mail", () => {
  const settings = async (receiver: MailReceiver, changes: object = {}) => ({
    kind: "smtp",
    host: "127.0.0.1",
    port: receiver.port,
    caFile: authority.caFile,
    username: "watchdog",
    passwordFile: await secret("mail-password", "mail-password"),
    from: "es-failover@example.com",
    to: ["on-call@example.com", "team@example.com"],
    ...changes,
  });

  test.each<[string, object, object]>([
    ["STARTTLS", {}, { tls: "starttls" }],
    ["TLS from the start", { secure: true }, { tls: "implicit" }],
  ])("arrives by %s with a login, for each recipient", async (_what, server, changes) => {
    const receiver = await mails(server);
    await target(await settings(receiver, changes)).send(sampleEvent(), never);
    expect(receiver.logins).toEqual(["watchdog"]);
    expect(receiver.mails).toMatchObject([{ to: ["on-call@example.com", "team@example.com"], isSecure: true }]);
    const { text = "" } = receiver.mails[0] ?? {};
    expect(text).toMatch(/^Subject: \[critical\] Failover: bhs serves in place of gra\r$/m);
    expect(text).toMatch(/^Cause: gra is unhealthy: no node answers\.\r$/m);
  });

  test("is not sent, and no password is, to a server that another authority signed for", async () => {
    const receiver = await mails();
    const sent = target(await settings(receiver, { caFile: other.caFile })).send(sampleEvent(), never);
    await expect(sent).rejects.toThrow(/^127\.0\.0\.1:\d+: .*certificate/);
    expect(receiver.logins).toEqual([]);
  });

  test("is not sent, and no password is, to a server without STARTTLS", async () => {
    const receiver = await mails({ hideSTARTTLS: true, disabledCommands: ["STARTTLS"] });
    await expect(target(await settings(receiver)).send(sampleEvent(), never)).rejects.toThrow(/STARTTLS/);
    expect(receiver.logins).toEqual([]);
    expect(receiver.mails).toEqual([]);
  });

  test("fails with the server's reason for a wrong password, which is not shown", async () => {
    const receiver = await mails();
    const passwordFile = await secret("wrong-password", "not-the-password");
    const failed = await target(await settings(receiver, { passwordFile }))
      .send(sampleEvent(), never)
      .catch(String);
    expect(failed).toMatch(/wrong user or password|Invalid login/);
    expect(failed).not.toContain("not-the-password");
  });

  test("fails where no recipient is accepted, and counts as sent where one is", async () => {
    const receiver = await mails();
    const to = ["unknown@example.com"];
    await expect(target(await settings(receiver, { to })).send(sampleEvent(), never)).rejects.toThrow(
      /recipients|no such/i,
    );
    await target(await settings(receiver, { to: [...to, "team@example.com"] })).send(sampleEvent(), never);
    expect(receiver.mails).toMatchObject([{ to: ["team@example.com"] }]);
  });

  test("goes without TLS and login to a relay on this host", async () => {
    const receiver = await mails({ hideSTARTTLS: true, authOptional: true, disabledCommands: ["STARTTLS", "AUTH"] });
    const plain = { tls: "none", username: null, passwordFile: null, caFile: null };
    await target(await settings(receiver, plain)).send(sampleEvent(), never);
    expect(receiver.mails).toHaveLength(1);
  });

  test("ends within its bound when the server says nothing", async () => {
    const { createServer } = await import("node:net");
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ close: async () => void server.close() });
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const silent = {
      kind: "smtp",
      host: "127.0.0.1",
      port,
      from: "a@example.com",
      to: ["b@example.com"],
      timeoutMs: 300,
    };
    await expect(target(silent).send(sampleEvent(), never)).rejects.toThrow(/300 ms|Greeting never received/);
  });
});

describe("a command", () => {
  test("reads the event on its standard input, and no shell reads its arguments", async () => {
    const script = 'cat >"$0"; printf "%s|%s" "$1" "$ES_FAILOVER_EVENT" >>"$0"';
    const command = ["/bin/sh", "-c", script, at("read"), "$(id); a b"];
    await target({ kind: "command", command }).send(sampleEvent(), never);
    const written = await readFile(at("read"), "utf8");
    expect(written.endsWith("}$(id); a b|failover")).toBe(true);
    expect(JSON.parse(written.slice(0, written.lastIndexOf("}") + 1))).toMatchObject({ id: sampleEvent().id });
  });

  test.each([
    ["fails", ["/bin/sh", "-c", "echo no pager >&2; exit 7"], /ended with status 7: no pager/],
    ["hangs", ["/bin/sh", "-c", "sleep 60"], /did not end within 200 ms and was killed/],
    ["is not there", ["/nonexistent/pager"], /cannot be started/],
  ])("that %s is reported", async (_what, command, reason) => {
    await expect(target({ kind: "command", command, timeoutMs: 200 }).send(sampleEvent(), never)).rejects.toThrow(
      reason,
    );
  });
});
