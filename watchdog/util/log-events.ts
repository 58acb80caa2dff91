/**
 * Every event that the watchdog and the publisher log, by its id. The type of the logger admits no other event, level or field,
 * and demands each field. docs/log-events.md is generated from this. Ids and fields are an interface: users search journals.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogEvent {
  /** Levels at which it is logged, the usual one first. */
  readonly levels: readonly LogLevel[];
  /** When it is logged, as a sentence. */
  readonly when: string;
  readonly fields: readonly string[];
  /** Fields that some of its lines have. */
  readonly optional: readonly string[];
}

const event = <
  const Levels extends readonly LogLevel[],
  const Fields extends readonly string[] = [],
  const Optional extends readonly string[] = [],
>(
  levels: Levels,
  when: string,
  fields: Fields = [] as unknown as Fields,
  optional: Optional = [] as unknown as Optional,
) => ({ levels, when, fields, optional });

// biome-ignore format: one line per event where it fits
export const watchdogEvents = {
  // Decisions and changes.
  rule: event(["info", "debug"], "A rule decides; at debug where it is the one of before, or mere bookkeeping.", ["rule", "epoch", "phase"]),
  step: event(["info", "warn"], "A step of a plan has a new status; a warning when it failed.", ["step", "status", "epoch", "attempts"]),
  "step-error": event(["error"], "A plan cannot be carried out, apart from its steps.", ["error"]),
  command: event(["info"], "An operator's command is in the record.", ["command", "by", "epoch"]),
  hook: event(["info", "warn"], "A hook has ended; a warning when it failed.", ["phase", "change", "epoch", "program", "durationMs"], ["error"]),
  leadership: event(["info"], "Another watchdog is the controller, or this one.", ["leading"]),
  "store-error": event(["error"], "The record was not written to the store.", ["error"]),
  "copy-error": event(["error"], "The copy of the record on this host cannot be read, or written.", ["error"]),
  history: event(["warn"], "The history cannot be written; the record is.", ["error"]),

  // Regions and replication.
  health: event(["info", "warn", "debug"], "A region has another health, or is about to; at debug each other probe.", ["region", "state", "failures", "successes"]),
  canary: event(["info", "warn"], "A region takes no writes through the entry of this host, or takes them again.", ["region", "cause"]),
  replication: event(["info", "warn"], "A change of the replication; a warning when it failed.", ["change", "region"], ["error"]),
  "definitions-unavailable": event(["warn"], "A region lacks the module for a kind of definitions.", ["region", "kind"]),

  // Router.
  router: event(["info"], "The router routes elsewhere, opens or closes; how long a change kept applications from writing.", ["region", "epoch"]),
  "router-error": event(["warn"], "The router does not do what it should.", ["error"]),
  "failsafe-asked": event(["debug"], "Another watchdog asks for a failsafe grant.", ["by", "epoch", "agrees"]),

  // Services beside the watchdog, and its process.
  start: event(["info"], "The watchdog starts.", ["version", "configFile", "controlSocket"]),
  stopping: event(["info"], "A signal ends it.", ["signal"]),
  stopped: event(["info"], "It has ended."),
  "hang-up": event(["warn"], "SIGHUP, which is ignored."),
  "loop-stuck": event(["error"], "A loop is stuck, so systemd gets no heartbeat and restarts the watchdog."),
  "loop-error": event(["warn", "debug"], "A round of a loop failed; at debug with the error of the round before.", ["loop", "error"]),
  "service-manager": event(["warn"], "The service manager, systemd, cannot be reported to.", ["error"]),
  renewed: event(["info"], "Changed certificates or passwords are in use.", ["section"]),
  "not-renewed": event(["warn"], "Changed certificates or passwords cannot be used; those of before are.", ["section"]),
  endpoint: event(["info"], "The endpoint service is listening.", ["port"]),
  "endpoint-error": event(["error"], "The endpoint service cannot start; it is tried again.", ["error"]),
  metrics: event(["info"], "The metrics service is listening.", ["port"]),
  "metrics-error": event(["error"], "The metrics service cannot start; it is tried again.", ["error"]),
  page: event(["info"], "The status page is listening.", ["port"]),
  "page-error": event(["error"], "The status page cannot start; it is tried again.", ["error"]),

  // Messages to people.
  notification: event(["info"], "A message was delivered.", ["target", "id"]),
  "notification-failed": event(["warn", "debug"], "An attempt failed and is repeated; at debug with the error of the one before.", ["target", "id"]),
  "notification-given-up": event(["error"], "A message was never delivered and is too old.", ["target", "id"]),
  "notification-dropped": event(["warn"], "Too many messages wait: the oldest is dropped.", ["id"]),
  "notification-error": event(["warn"], "Sending went wrong, apart from the target.", ["target"]),
  "notification-spool": event(["warn"], "Messages that wait cannot be kept on the disk, or read from it.", [], ["file"]),
} as const satisfies Record<string, LogEvent>;

// biome-ignore format: one line per event where it fits
export const publisherEvents = {
  "publisher-start": event(["info"], "The publisher starts.", ["version", "configFile", "controlSocket"]),
  "publisher-stopped": event(["info"], "It has ended; files and keys stay as they are."),
  epoch: event(["info"], "A new epoch is published.", ["epoch", "phase"]),
  contradiction: event(["error"], "Sources contradict each other, or what is known: nothing is changed.", ["problem"]),
  source: event(["info"], "A source answers again.", ["source"]),
  "source-error": event(["warn"], "A source does not answer, or its answer cannot be used.", ["error"], ["source"]),
  published: event(["info"], "A file has a new endpoint.", ["file", "epoch", "region"]),
  notified: event(["info"], "The application of a file was notified.", ["file", "epoch"]),
  "notified-error": event(["warn"], "Which applications were notified cannot be kept on the disk."),
  "edited-by-hand": event(["warn"], "Another program or a person has edited a file: the endpoint was restored.", ["file"]),
  "publish-error": event(["error"], "A file or key cannot be written; it is tried again.", ["target", "error"]),
  "publish-recovered": event(["info"], "It could be written again.", ["target"]),
  waiting: event(["info"], "A target waits, as for an application that does not run.", ["target"]),
  warning: event(["warn"], "A target is as it should be, and something about it is not.", ["target"]),
  "acknowledge-error": event(["warn"], "The watchdogs cannot be told which epoch is in use.", ["error"]),
} as const satisfies Record<string, LogEvent>;

type Events = typeof watchdogEvents & typeof publisherEvents;
export type LogEventId = keyof Events;

/** A value that a line of the log may have. */
export type Loggable = string | number | boolean | null;

type IdsAt<Level extends LogLevel> = {
  [Id in LogEventId]: Level extends Events[Id]["levels"][number] ? Id : never;
}[LogEventId];

type FieldsOf<Id extends LogEventId> = { readonly event: Id } & {
  readonly [Field in Named<Events[Id]["fields"]>]: Loggable;
} & { readonly [Field in Named<Events[Id]["optional"]>]?: Loggable };

/** Names that are known one by one: a list that was left out is of any string. */
type Named<List extends readonly string[]> = string extends List[number] ? never : List[number];

/** The event and fields of a line at that level. */
export type Logged<Level extends LogLevel> = { [Id in IdsAt<Level>]: FieldsOf<Id> }[IdsAt<Level>];
