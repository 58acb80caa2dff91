import { z } from "zod";
import { absolutePath, count, durationMs, httpUrl, text, username } from "./values.ts";

/** Every event that a message is sent about. Names are an interface: receivers' rules have them. */
export const eventKinds = [
  "failover",
  "switchover",
  "change-undone",
  "change-stuck",
  "failover-refused",
  "refusal-over",
  "rejoin",
  "not-ready",
  "ready",
] as const;
export type EventKind = (typeof eventKinds)[number];

/** Mildest first. */
export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

const everyTarget = {
  name: text(/^[a-z][a-z0-9-]{0,30}$/, "a name of lower-case letters, digits and hyphens, such as on-call").describe(
    "Name of the target in messages, metrics and `es-failover notify`; unique.",
  ),
  events: z
    .array(z.enum(eventKinds))
    .min(1, "name at least one event, or leave the key out for all of them")
    .nullable()
    .default(null)
    .describe("Events that it receives; `null`: all."),
  minSeverity: z
    .enum(severities)
    .default("info")
    .describe("Least severity that it receives. See docs/notifications.md for the severity of each event."),
  timeoutMs: durationMs.default(10_000).describe("Bound on one attempt."),
};

const caFile = absolutePath
  .nullable()
  .default(null)
  .describe("PEM file of the CA that signed the server's certificate; `null`: the public ones.");

const address = text(/^[^\s<>@]+@[^\s<>@]+$/, "a mail address, such as on-call@example.com");

const target = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("webhook").describe("`webhook`: the event as JSON, by POST."),
      ...everyTarget,
      url: httpUrl.describe("Where it is posted; plain HTTP on loopback only."),
      caFile,
      secretFile: absolutePath
        .nullable()
        .default(null)
        .describe(
          "File that holds a secret of which the header `es-failover-signature` is made (HMAC-SHA256); `null`: no signature. " +
            "During a rotation a second line holds the other one: both sign.",
        ),
    }),
    z.strictObject({
      kind: z.literal("slack").describe("`slack`: an incoming webhook of Slack, or one that is compatible."),
      ...everyTarget,
      urlFile: absolutePath.describe(
        "File that holds its URL and nothing else: the URL is a secret, as everyone who has it may post.",
      ),
      caFile,
    }),
    z.strictObject({
      kind: z.literal("smtp").describe("`smtp`: mail."),
      ...everyTarget,
      host: z.string("write a host").min(1, "write a host").describe("Mail server, by a name in its certificate."),
      port: count(1, 65_535).default(587).describe("Its port."),
      tls: z
        .enum(["starttls", "implicit", "none"])
        .default("starttls")
        .describe("`starttls`: required after the greeting; `implicit`: from the start; `none`: on loopback only."),
      caFile,
      username: username.nullable().default(null).describe("User of the mail server; `null`: no login."),
      passwordFile: absolutePath
        .nullable()
        .default(null)
        .describe("File that holds that user's password and nothing else."),
      from: address.describe("Sender."),
      to: z.array(address).min(1, "name at least one recipient").describe("Recipients."),
    }),
    z.strictObject({
      kind: z
        .literal("command")
        .describe("`command`: a program, which reads the event as JSON; as the watchdog's user, within its sandbox."),
      ...everyTarget,
      command: z
        .tuple([absolutePath], z.string())
        .describe("The program and its arguments; there is no shell.")
        .meta({ value: "an absolute path and arguments" }),
    }),
  ])
  .describe("One receiver.");

/** The section of messages that the watchdogs send themselves. */
export const notificationsSchema = z
  .strictObject({
    targets: z.array(target).default([]).describe("Receivers; none: no message is sent."),
    notReadyAfterMs: durationMs
      .default(600_000)
      .describe("How long a loss of the active region must not lead to a failover until `not-ready` is sent."),
    readyAfterMs: durationMs
      .default(60_000)
      .describe("How long it must lead to one again until `ready` is sent, after a `not-ready`."),
    refusedAfterMs: durationMs
      .default(60_000)
      .describe("How long a failover must be needed and refused until `failover-refused` is sent."),
    stuckAfterMs: durationMs
      .default(180_000)
      .describe("How long a change must be under way until `change-stuck` is sent."),
    retryForMs: durationMs
      .default(86_400_000)
      .describe("How long after an event its message is tried again, ever more rarely, up to ten minutes apart."),
  })
  .prefault({})
  .describe(
    "Messages about failovers and lost protection that the watchdogs send themselves, without Prometheus. See " +
      "docs/notifications.md.",
  );

export type NotificationSettings = z.output<typeof notificationsSchema>;
export type TargetSettings = NotificationSettings["targets"][number];
export type TargetOf<Kind extends TargetSettings["kind"]> = Extract<TargetSettings, { readonly kind: Kind }>;
