import type { StatusAnswer } from "../controller/control-api/api.ts";
import type { ServingRecord, StateRecord } from "../core/state/record.ts";
import { duration, time } from "../util/text.ts";

/** The most important facts, in the order of the colours of a traffic light; colours never say more than the label. */
export interface Headline {
  readonly tone: "good" | "bad" | "change" | "unknown";
  /** One or two words. */
  readonly label: string;
  /** Which region serves, since when, and whether its loss is covered. Without an age, so that it changes only when they do. */
  readonly sentence: string;
  /** Why it is covered, or not; or what the change does. */
  readonly reasons: readonly string[];
}

/** One sentence about the whole system, as this watchdog sees it. */
export function headlineOf(status: StatusAnswer): Headline {
  const { record } = status;
  if (record === null) {
    const reasons = status.store.reachable ? [status.summary] : [storeReason(status)];
    return {
      tone: "unknown",
      label: "Unknown",
      sentence: "No region is known to serve: there is no record yet.",
      reasons,
    };
  }
  switch (record.phase) {
    case "serving":
      return servingHeadline(record, status);
    case "closing":
    case "promoting":
      return changeHeadline(record, status);
    default:
      return record satisfies never;
  }
}

interface Protection {
  readonly tone: "good" | "bad" | "unknown";
  readonly reasons: readonly string[];
}

const protectionWords = {
  good: { label: "Protected", clause: "its loss is covered" },
  bad: { label: "Not protected", clause: "its loss is NOT covered" },
} as const;

function servingHeadline(record: ServingRecord, status: StatusAnswer): Headline {
  const { active, startedAtMs } = record;
  const { tone, reasons } = protectionOf(record, status);
  if (tone === "unknown") {
    const sentence = `As far as this watchdog knows, ${active} serves since ${time(startedAtMs)} UTC; it cannot tell what holds now.`;
    return { tone, label: "Unknown", sentence, reasons: [...reasons, ...routerReasons(status)] };
  }
  const { label, clause } = protectionWords[tone];
  const health = status.regions.find(({ region }) => region === active)?.health;
  const isSick = health?.state === "unhealthy" || health?.state === "suspect";
  const serves = `${active} serves since ${time(startedAtMs)} UTC`;
  return {
    tone: isSick ? "bad" : tone,
    label: isSick ? `${active} is ${health.state}` : label,
    sentence: `${isSick ? `${serves}, and this watchdog finds it ${health.state}` : serves}; ${clause}.`,
    reasons: isSick ? [`${active}: ${health.reason}`, ...reasons] : reasons,
  };
}

/** The controller asks the rules themselves; another watchdog has only the record and its own observations. */
function protectionOf(record: ServingRecord, status: StatusAnswer): Protection {
  const { readiness, leadership, newerVersion, regions, nowMs } = status;
  if (readiness !== null) return { tone: readiness.ready ? "good" : "bad", reasons: [readiness.explanation] };
  if (!status.store.reachable) return { tone: "unknown", reasons: [storeReason(status)] };
  if (newerVersion) return { tone: "unknown", reasons: [newerVersion] };
  const standby = regions.find(({ region }) => region !== record.active)?.region ?? "the other region";
  const reasons = [
    ...(record.standby === "in-sync" ? [] : [`the standby ${standby} is ${record.standby}, not in sync`]),
    ...(record.paused === null ? [] : [`paused by ${record.paused.by}: ${record.paused.reason}`]),
    ...(record.blockedUntilMs !== null && record.blockedUntilMs > nowMs
      ? [`no automatic failover before ${time(record.blockedUntilMs)} UTC`]
      : []),
    ...(leadership.leader === null ? [`there is no controller: ${leadership.error ?? "none is elected"}`] : []),
  ];
  if (reasons.length > 0) return { tone: "bad", reasons };
  return {
    tone: "good",
    reasons: [`${standby} is in sync; the page of the controller, ${leadership.leader}, has more`],
  };
}

const storeReason = ({ store }: StatusAnswer): string =>
  `the store does not answer, so this may be out of date: ${store.error ?? "no reason given"}`;

/** What a watchdog that is cut off knows for certain: its own router. */
function routerReasons({ router }: StatusAnswer): readonly string[] {
  if (router === null) return [];
  return [`the router beside it: ${router.error === null ? router.summary : `${router.summary}; ${router.error}`}`];
}

function changeHeadline(record: Exclude<StateRecord, ServingRecord>, status: StatusAnswer): Headline {
  const { change, from, to, phase, startedAtMs, cause } = record;
  const doing = phase === "closing" ? `the routers to ${from} are closing` : `${to} is being promoted`;
  return {
    tone: "change",
    label: change === "failover" ? "Failover under way" : "Switchover under way",
    sentence: `No region serves since ${time(startedAtMs)} UTC: ${change} from ${from} to ${to}, ${doing}.`,
    reasons: [cause, ...(status.store.reachable ? [] : [storeReason(status)])],
  };
}

/** How long the headline has held: it changes all the time, so it is apart from the sentence. */
export function ageOf({ record, nowMs }: Pick<StatusAnswer, "record" | "nowMs">): string | null {
  return record === null ? null : `for ${duration(Math.max(0, nowMs - record.startedAtMs))}`;
}
