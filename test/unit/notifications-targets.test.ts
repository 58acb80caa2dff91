import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { notificationsSchema } from "../../watchdog/config/notifications.ts";
import type { Notification } from "../../watchdog/core/notifications/event.ts";
import { backoffMs } from "../../watchdog/notifications/backoff.ts";
import { signatureOf } from "../../watchdog/notifications/targets/signature.ts";
import { slackText } from "../../watchdog/notifications/targets/slack.ts";
import { mailOf } from "../../watchdog/notifications/targets/smtp.ts";
import { wants } from "../../watchdog/notifications/targets/target.ts";
import { sampleEvent } from "./support/notifications.ts";

const target = (changes: object) => {
  const [parsed] = notificationsSchema.parse({
    targets: [{ name: "t", kind: "command", command: ["/bin/true"], ...changes }],
  }).targets;
  if (parsed === undefined) throw new Error("unreachable");
  return parsed;
};

describe("a target", () => {
  test.each<[string, object, Partial<Notification>, boolean]>([
    ["of all events", {}, {}, true],
    ["of this event", { events: ["failover"] }, {}, true],
    ["of another event", { events: ["ready"] }, {}, false],
    ["of a higher severity", { minSeverity: "critical" }, { severity: "warning" }, false],
    ["of a lower severity", { minSeverity: "warning" }, { severity: "critical" }, true],
    ["of another event, for a test", { events: ["ready"] }, { kind: "test" }, true],
  ])("%s: %o wants %o: %s", (_what, settings, event, expected) => {
    expect(wants(target(settings), { ...sampleEvent(), ...event })).toBe(expected);
  });
});

test("the signature covers the time and the body, with each secret", () => {
  const digest = (secret: string) => createHmac("sha256", secret).update('1893499200.{"a":1}').digest("hex");
  expect(signatureOf('{"a":1}', ["one", "two"], 1_893_499_200_999)).toBe(
    `t=1893499200,v1=${digest("one")},v1=${digest("two")}`,
  );
});

test("Slack's control characters in a message stay text", () => {
  const shown = slackText({ ...sampleEvent(), text: "<!channel> a & b" });
  expect(shown).toContain("&lt;!channel&gt; a &amp; b");
  expect(shown).toMatch(/^\*\[CRITICAL\] Failover: bhs serves in place of gra\*\n/);
});

test("a mail has one Message-ID for one event, is marked as automatic, and no text of it ends a header", async () => {
  const event = { ...sampleEvent(), title: "Failover\r\nBcc: eve@example.com" };
  const mail = (await mailOf(event, "es@example.com", ["a@example.com", "b@example.com"])).toString();
  const [headers = "", body = ""] = mail.split("\r\n\r\n", 2);
  expect(headers).toMatch(/^Message-ID: <failover-1893499200000\.es-failover@example\.com>$/im);
  expect(headers).toMatch(/^Auto-Submitted: auto-generated$/im);
  expect(headers).not.toMatch(/^Bcc:/im);
  expect(body).not.toBe("");
});

test("attempts come ever more rarely, up to ten minutes apart, and not all at once", () => {
  expect([1, 2, 3, 7, 8, 500].map((attempts) => backoffMs(attempts, () => 0) / 1_000)).toEqual([
    5, 10, 20, 320, 600, 600,
  ]);
  expect(backoffMs(8, () => 0.999) / 1_000).toBeGreaterThan(299);
});
