import { z } from "zod";
import { count, delayMs, durationMs, text, username } from "../../watchdog/config/values.ts";

/** The section of the monitoring that provisioning installs, with its secrets beside it. */

const address = text(/^[^\s<>@"]+@[^\s<>@"]+$/, "a mail address, such as on-call@example.com");

const receiver = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("webhook").describe("`webhook`: Alertmanager's own JSON, by POST to the URL in `alertsSecret`."),
    }),
    z.strictObject({
      kind: z
        .literal("slack")
        .describe("`slack`: an incoming webhook of Slack, or one that is compatible; its URL is `alertsSecret`."),
    }),
    z.strictObject({
      kind: z.literal("email").describe("`email`: mail, by STARTTLS."),
      to: address.describe("Recipient."),
      from: address.describe("Sender."),
      smarthost: text(/^[a-z0-9.-]+:\d{1,5}$/i, "a host and a port, such as mail.example.com:587").describe(
        "Mail server, by a name in its certificate, and its port.",
      ),
      username: username.nullable().default(null).describe("User, whose password is `alertsSecret`; `null`: no login."),
    }),
  ])
  .describe("Where alerts go.");

/** Alerts with a duration below a minute assume that metrics are read at least this often. */
const longestScrapeIntervalMs = 30_000;

export const monitoringSchema = z
  .strictObject(
    {
      alerts: receiver,
      plainHttp: z
        .boolean()
        .default(false)
        .describe("Whether `deadMansSwitchUrl` and the URL of alerts may be http, which everyone on the way can read."),
      scrapeIntervalMs: durationMs
        .max(longestScrapeIntervalMs, `write at most ${longestScrapeIntervalMs}: alerts of some seconds need it`)
        .default(15_000)
        .describe("How often every metric is read, and every rule evaluated."),
      retentionDays: count(1, 366).default(15).meta({ unit: "days" }).describe("For how long samples are kept."),
      retentionGb: count(1)
        .default(4)
        .meta({ unit: "GB" })
        .describe("Disk space of the witness for samples; the oldest are dropped beyond it."),
      alertDelaysMs: z
        .record(text(/^[A-Z][A-Za-z]*$/, "the name of an alert, such as EsFailoverNotReady"), delayMs)
        .default({})
        .describe(
          "By the name of an alert of `monitoring/rules`: how long its condition must hold until it fires, in place of the rule's own `for`.",
        ),
    },
    'write at least where alerts go, such as {"alerts": {"kind": "webhook"}}',
  )
  .nullable()
  .default(null)
  .describe(
    "Prometheus and Alertmanager on the witness, and exporters on every host; `none`: none of them. See docs/monitoring.md.",
  );

export type Monitoring = NonNullable<z.output<typeof monitoringSchema>>;

const secret = z
  .string()
  .trim()
  .min(1, "is empty: write the secret, or remove the key with `pulumi config rm`")
  .meta({ value: "a secret" })
  .exactOptional();

export const monitoringSecrets = {
  deadMansSwitchUrl: secret.describe(
    "With `monitoring`, the URL of a receiver outside of these sites that complains when its messages stop.",
  ),
  alertsSecret: secret.describe("With `monitoring`, the URL of `webhook` or `slack`, or the password of `email`."),
};
