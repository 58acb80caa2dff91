import type { ApplicationsReport } from "../applications/acknowledgements.ts";
import type { EndpointActivity } from "../applications/endpoint/activity.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { WatchdogStatus } from "../controller/status.ts";
import type { Measurements } from "../controller/watchdog.ts";
import type { Readiness } from "../core/readiness.ts";
import type { Surveyed } from "../diagnostics/surveyed.ts";
import type { Tally } from "../util/tally.ts";

/** A certificate that this watchdog uses. */
export interface CertificateEnd {
  readonly file: string;
  /** Of a file with several, the one that ends first. */
  readonly expiresAtMs: number;
}

/** What the metrics of one scrape are computed from. */
export interface Measured extends Measurements {
  readonly config: WatchdogConfig;
  readonly version: string;
  readonly status: WatchdogStatus;
  /** null on a watchdog that is not the controller, and during a change. */
  readonly readiness: Readiness | null;
  /** null where no endpoint service runs. */
  readonly applications: ApplicationsReport | null;
  /** null where no endpoint service runs. */
  readonly endpoint: EndpointActivity | null;
  readonly certificates: readonly CertificateEnd[];
  readonly surveyed: Surveyed;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric: its description for docs and scrapes, and how its samples follow from what was measured. */
export interface Metric {
  /** With the prefix of all metrics. */
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly labels: readonly string[];
  /** Empty: there is no such value now. */
  readonly samples: (measured: Measured) => readonly Sample[];
}

const prefix = "es_failover_";

/** A value without labels; null: there is none now. */
export function gauge(
  name: string,
  help: string,
  value: (measured: Measured) => number | boolean | null | undefined,
): Metric {
  return {
    name: prefix + name,
    type: "gauge",
    help,
    labels: [],
    samples: (measured) => sampleOf({}, value(measured)),
  };
}

/** Values by labels. `type` follows from the name, as Prometheus' conventions have it. */
export function labelled(
  name: string,
  help: string,
  labels: readonly string[],
  samples: (measured: Measured) => readonly Sample[],
): Metric {
  return { name: prefix + name, type: name.endsWith("_total") ? "counter" : "gauge", help, labels, samples };
}

/** One sample, or none where there is no value. */
export function sampleOf(labels: Sample["labels"], value: number | boolean | null | undefined): readonly Sample[] {
  return value === null || value === undefined ? [] : [{ labels, value: Number(value) }];
}

/** A sample for each combination of labels that was counted. */
export const countsOf = (tally: Tally<Sample["labels"]>): readonly Sample[] =>
  tally.counts().map(({ labels, count }) => ({ labels, value: count }));

/** 1 for the state that holds and 0 for the others, so that a query sees each change. */
export function oneOf(
  label: string,
  states: readonly string[],
  current: string | null,
  others: Sample["labels"] = {},
): readonly Sample[] {
  if (current === null) return [];
  return states.map((state) => ({ labels: { ...others, [label]: state }, value: Number(state === current) }));
}

/** Prometheus' base unit; null stays null. */
export const seconds = (ms: number | null | undefined): number | null => (ms == null ? null : ms / 1_000);
