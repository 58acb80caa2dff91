import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crossFieldViolations } from "../../watchdog/config/contradictions.ts";
import { notificationsSchema } from "../../watchdog/config/notifications.ts";
import { notificationFileViolations } from "../../watchdog/config/referenced-files.ts";
import { sentenceOf } from "../../watchdog/config/violations.ts";
import { config } from "./core-fixtures.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-notifications-"));
  await writeFile(path.join(directory, "open"), "secret", { mode: 0o644 });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const webhook = { kind: "webhook", name: "hook", url: "https://hooks.example.com/es" };
const mail = { kind: "smtp", name: "mail", host: "mail.example.com", from: "a@example.com", to: ["b@example.com"] };

const settings = (...targets: readonly object[]) => notificationsSchema.parse({ targets });

const violationsOf = (...targets: readonly object[]) =>
  crossFieldViolations({ ...config, notifications: settings(...targets) }).map(sentenceOf);

describe("targets of notifications", () => {
  test("that fit together are accepted", () => {
    expect(violationsOf(webhook, { ...webhook, name: "local", url: "http://127.0.0.1:8080/" }, mail)).toEqual([]);
    expect(violationsOf({ ...mail, host: "localhost", tls: "none" })).toEqual([]);
  });

  test.each<[string, readonly object[], RegExp]>([
    ["of one name", [webhook, { ...mail, name: "hook" }], /targets\[1\]\.name is "hook", which targets\[0\] has/],
    ["by plain http", [{ ...webhook, url: "http://hooks.example.com/" }], /targets\[0\]\.url is .*write an https URL/],
    ["by mail without TLS", [{ ...mail, tls: "none" }], /targets\[0\]\.tls is "none": .*it needs TLS/],
    ["with a user and no password", [{ ...mail, username: "u" }], /passwordFile and .*username must both be given/],
  ])("%s are refused", (_what, targets, reason) => {
    expect(violationsOf(...targets)).toEqual([expect.stringMatching(reason)]);
  });

  test.each<[string, object]>([
    ["an event that there is not", { ...webhook, events: ["failovr"] }],
    ["no event at all", { ...webhook, events: [] }],
    ["an unknown key", { ...webhook, secret: "in-the-configuration" }],
    ["a sender with a line end", { ...mail, from: "a@example.com\r\nBcc: eve@example.com" }],
    ["a relative command", { kind: "command", name: "page", command: ["page"] }],
  ])("with %s are refused", (_what, target) => {
    expect(notificationsSchema.safeParse({ targets: [target] }).success).toBe(false);
  });

  test("have their files checked: there, closed to other users, and a program that may be run", async () => {
    const at = (name: string) => path.join(directory, name);
    const checked = settings(
      { ...webhook, secretFile: at("open"), caFile: at("missing") },
      { kind: "slack", name: "chat", urlFile: at("missing") },
      { ...mail, username: "u", passwordFile: at("missing") },
      { kind: "command", name: "page", command: [at("open")] },
    );
    expect((await notificationFileViolations(checked)).map(sentenceOf)).toEqual([
      expect.stringMatching(/^notifications\.targets\[0\]\.caFile names .*cannot be read/),
      expect.stringMatching(/^notifications\.targets\[0\]\.secretFile names .*open to every user/),
      expect.stringMatching(/^notifications\.targets\[1\]\.urlFile names .*cannot be read/),
      expect.stringMatching(/^notifications\.targets\[2\]\.passwordFile names .*cannot be read/),
      expect.stringMatching(/^notifications\.targets\[3\]\.command\[0\] names .*cannot be run: permission denied/),
    ]);
  });
});
