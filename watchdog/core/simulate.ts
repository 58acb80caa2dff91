import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { forecast, type SimulatedStep } from "./forecast.ts";
import { describeStep } from "./plans/describe-step.ts";
import type { KnownSituation } from "./preview.ts";
import type { RegionHealth } from "./state/health.ts";
import type { Observations } from "./state/observations.ts";
import type { StateRecord } from "./state/record.ts";

/** A loss that the rules are asked about, starting from the live situation. Nothing is changed. */
export type Assumption =
  /** Everything in the region is gone: Elasticsearch, routers, watchdogs. */
  | { readonly kind: "region-down"; readonly region: RegionName }
  /** Elasticsearch does not answer; routers and watchdogs of the region keep running. */
  | { readonly kind: "elasticsearch-down"; readonly region: RegionName }
  | { readonly kind: "store-down" };

/** All assumptions by name: "gra-down", "gra-elasticsearch-down", "store-down". */
export function assumptions(config: WatchdogConfig): ReadonlyMap<string, Assumption> {
  const ofRegions = Object.keys(config.regions).flatMap((region): [string, Assumption][] => [
    [`${region}-down`, { kind: "region-down", region }],
    [`${region}-elasticsearch-down`, { kind: "elasticsearch-down", region }],
  ]);
  return new Map<string, Assumption>([...ofRegions, ["store-down", { kind: "store-down" }]]);
}

export interface SimulatedOutcome {
  /** The assumption, in sentences. */
  readonly assumed: readonly string[];
  readonly startedAtMs: number;
  readonly steps: readonly SimulatedStep[];
  /** Steps of the plan that would be carried out then, in words; empty when none would. */
  readonly plan: readonly string[];
}

/** Follows the rules from the assumed loss until a ruling changes nothing or a plan has begun. */
export function simulateAssumption(
  situation: KnownSituation,
  assumption: Assumption,
  config: WatchdogConfig,
): SimulatedOutcome {
  const { record, nowMs: startedAtMs } = situation;
  const assumed = assumedSentences(assumption, situation, config);
  const outcome = { assumed, startedAtMs };
  if (losesEveryWatchdog(assumption, config)) return { ...outcome, steps: [], plan: [] };
  const detectedAtMs = startedAtMs + (assumption.kind === "store-down" ? 0 : detectionMs(config));
  const seen = assumedObservations(situation, assumption, config);
  // A router that is gone holds its lease until it expires; the others acknowledge within one renewal.
  const closingMs =
    goneRouters(assumption, record).length > 0 ? config.leases.ttlMs : (config.router?.ticketRenewalMs ?? 0);
  const { steps, plan } = forecast({ record, seen, nowMs: detectedAtMs }, config, closingMs);
  return { ...outcome, steps: steps.map(({ record: _, ...step }) => step), plan: plan?.steps.map(describeStep) ?? [] };
}

/** Longest time from the loss of a region until it counts as unhealthy. */
function detectionMs({ checks }: WatchdogConfig): number {
  return checks.failThreshold * checks.intervalMs + checks.timeoutMs;
}

/** The only watchdog of a file store is lost with its region. */
function losesEveryWatchdog(assumption: Assumption, { store, site }: WatchdogConfig): boolean {
  return assumption.kind === "region-down" && store.kind === "file" && site === assumption.region;
}

function assumedSentences(assumption: Assumption, { record }: KnownSituation, config: WatchdogConfig): string[] {
  switch (assumption.kind) {
    case "region-down": {
      const { region } = assumption;
      const routers = goneRouters(assumption, record);
      const fell = ["Elasticsearch", ...(routers.length === 0 ? [] : [`the routers ${routers.join(", ")}`])].join(
        " and ",
      );
      const lost = `${region} is lost as a whole: ${fell}, and its watchdogs.`;
      if (!losesEveryWatchdog(assumption, config)) return [lost];
      return [lost, `With a file store the only watchdog, ${config.name}, is lost with it: nothing is decided.`];
    }
    case "elasticsearch-down":
      return [`No Elasticsearch node of ${assumption.region} answers; its routers and watchdogs keep running.`];
    case "store-down":
      return ["The store does not answer; both regions keep running."];
    default:
      return assumption satisfies never;
  }
}

const goneRouters = (assumption: Assumption, record: StateRecord | null): readonly string[] =>
  assumption.kind === "region-down" && record !== null ? routersOf(record, assumption.region) : [];

const routersOf = (record: StateRecord, region: RegionName): readonly string[] =>
  record.watchdogs.flatMap(({ site, router }) => (site === region && router !== null ? [router] : []));

function assumedObservations(
  { record, seen, nowMs }: KnownSituation,
  assumption: Assumption,
  config: WatchdogConfig,
): Observations {
  if (assumption.kind === "store-down") {
    return { ...seen, store: { reachable: false, error: "assumed not to answer" }, routers: null };
  }
  const { region } = assumption;
  const isGone = assumption.kind === "region-down";
  const before = seen.health[region];
  const failed = { state: "unhealthy", failuresInARow: config.checks.failThreshold, successesInARow: 0 } as const;
  const lost: RegionHealth = {
    ...failed,
    provenState: "unhealthy",
    byProbes: failed,
    inconclusiveInARow: 0,
    problems: [],
    reason: `no node answers: assumed (${config.checks.failThreshold} failed checks in a row)`,
    sinceMs: nowMs + detectionMs(config),
    lastProbeAtMs: nowMs + detectionMs(config),
    lastGoodAtMs: before?.lastGoodAtMs ?? null,
    failingSinceMs: before?.failingSinceMs ?? nowMs,
    lastProbe: { reachable: false, kind: "unreachable", error: "assumed not to answer" },
  };
  const gone = goneRouters(assumption, record);
  return {
    ...seen,
    health: { ...seen.health, [region]: lost },
    sites: seen.sites
      .filter(({ site }) => !(isGone && site === region))
      .map((view) => ({
        ...view,
        regions: { ...view.regions, [region]: "unhealthy" },
        failingForMs: { ...view.failingForMs, [region]: detectionMs(config) },
      })),
    standby: seen.standby?.region === region ? null : seen.standby,
    active: seen.active?.region === region ? null : seen.active,
    standbyError: seen.standby?.region === region ? "assumed not to answer" : seen.standbyError,
    routers: seen.routers?.filter(({ router }) => !gone.includes(router)) ?? null,
  };
}
