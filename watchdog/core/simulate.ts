import { z } from "zod";
import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { messageOf } from "../util/errors.ts";
import { decideStep, forecast, type SimulatedStep } from "./forecast.ts";
import { describeStep } from "./plans/describe-step.ts";
import type { KnownSituation } from "./preview.ts";
import type { RegionHealth } from "./state/health.ts";
import type { Observations } from "./state/observations.ts";
import { parseStateRecord, type StateRecord } from "./state/record.ts";

/** The rules asked about situations that are recorded or assumed. Nothing outside is asked, and nothing changed. */

/** A recorded moment. Without a record of its own it goes on from what the moment before led to. */
export interface RecordedMoment extends Omit<KnownSituation, "record"> {
  readonly record?: StateRecord | null;
}

/** One decision per recorded moment. */
export function replayMoments(moments: readonly RecordedMoment[], config: WatchdogConfig): readonly SimulatedStep[] {
  let record: StateRecord | null = null;
  return moments.map((moment) => {
    record = moment.record === undefined ? record : moment.record;
    const { step, next } = decideStep(record, moment.seen, moment.nowMs, config);
    record = next;
    return step;
  });
}

/** What may be assumed to happen to the live situation. */
export type Assumption =
  /** Everything in the region is gone: Elasticsearch, routers, watchdogs. */
  | { readonly kind: "region-down"; readonly region: RegionName }
  /** Elasticsearch does not answer; routers and watchdogs of the region go on. */
  | { readonly kind: "elasticsearch-down"; readonly region: RegionName }
  | { readonly kind: "store-down" };

/** The names under which they are given: "gra-down", "gra-elasticsearch-down", "store-down". */
export function assumptions(config: WatchdogConfig): ReadonlyMap<string, Assumption> {
  const ofRegions = Object.keys(config.regions).flatMap((region): [string, Assumption][] => [
    [`${region}-down`, { kind: "region-down", region }],
    [`${region}-elasticsearch-down`, { kind: "elasticsearch-down", region }],
  ]);
  return new Map<string, Assumption>([...ofRegions, ["store-down", { kind: "store-down" }]]);
}

export interface SimulatedOutcome {
  /** What was assumed, in sentences. */
  readonly assumed: readonly string[];
  readonly startedAtMs: number;
  readonly steps: readonly SimulatedStep[];
  /** Steps of the plan that would be carried out then, in words; empty when it comes to none. */
  readonly plan: readonly string[];
}

/** What would happen if it happened now: the rules are followed until nothing changes or a plan has begun. */
export function simulateAssumption(
  situation: KnownSituation,
  assumption: Assumption,
  config: WatchdogConfig,
): SimulatedOutcome {
  const { record, nowMs: startedAtMs } = situation;
  const assumed = assumedSentences(assumption, situation, config);
  const outcome = { assumed, startedAtMs };
  if (nobodyIsLeft(assumption, config)) return { ...outcome, steps: [], plan: [] };
  const detectedAtMs = startedAtMs + (assumption.kind === "store-down" ? 0 : detectionMs(config));
  const seen = assumedObservations(situation, assumption, config);
  // Routers that are gone hold their lease until it runs out; the others acknowledge within a renewal.
  const closingMs =
    goneRouters(assumption, record).length > 0 ? config.leases.ttlMs : (config.router?.ticketRenewalMs ?? 0);
  const { steps, plan } = forecast({ record, seen, nowMs: detectedAtMs }, config, closingMs);
  return { ...outcome, steps: steps.map(({ record: _, ...step }) => step), plan: plan?.steps.map(describeStep) ?? [] };
}

/** Time from the loss of a region until it counts as unhealthy, at the most. */
function detectionMs({ checks }: WatchdogConfig): number {
  return checks.failThreshold * checks.intervalMs + checks.timeoutMs;
}

/** A file store's only watchdog is lost with its region. */
function nobodyIsLeft(assumption: Assumption, { store, site }: WatchdogConfig): boolean {
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
      const lost = `${region} is gone as a whole: ${fell}, and its watchdogs.`;
      if (!nobodyIsLeft(assumption, config)) return [lost];
      return [lost, `With a file store the only watchdog, ${config.name}, is gone with it: nobody decides anything.`];
    }
    case "elasticsearch-down":
      return [`No node of ${assumption.region}'s Elasticsearch answers; its routers and watchdogs go on.`];
    case "store-down":
      return ["The store does not answer any more; both regions go on."];
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
  const lost: RegionHealth = {
    state: "unhealthy",
    failuresInARow: config.checks.failThreshold,
    successesInARow: 0,
    reason: `no node answers: assumed (${config.checks.failThreshold} failed checks in a row)`,
    sinceMs: nowMs + detectionMs(config),
    lastProbeAtMs: nowMs + detectionMs(config),
    lastGoodAtMs: before?.lastGoodAtMs ?? null,
    lastProbe: { reachable: false, kind: "unreachable", error: "assumed not to answer" },
  };
  const gone = goneRouters(assumption, record);
  return {
    ...seen,
    health: { ...seen.health, [region]: lost },
    sites: seen.sites
      .filter(({ site }) => !(isGone && site === region))
      .map((view) => ({ ...view, regions: { ...view.regions, [region]: "unhealthy" } })),
    standby: seen.standby?.region === region ? null : seen.standby,
    active: seen.active?.region === region ? null : seen.active,
    standbyError: seen.standby?.region === region ? "assumed not to answer" : seen.standbyError,
    routers: seen.routers?.filter(({ router }) => !gone.includes(router)) ?? null,
  };
}

// --- recorded situations --------------------------------------------------------------------------------------------

/**
 * Only what would make the rules stumble is checked: the file was written by a watchdog, perhaps an older one, whose
 * observations had fewer fields.
 */
const momentSchema = z.looseObject({
  nowMs: z.number().int(),
  record: z.unknown().optional(),
  seen: z.looseObject({
    health: z.record(z.string(), z.looseObject({ state: z.string(), reason: z.string() })),
    sites: z.array(z.looseObject({ site: z.string(), regions: z.record(z.string(), z.string()) })),
    store: z.looseObject({ reachable: z.boolean() }).default({ reachable: true, error: null }),
    selfDoubt: z.array(z.string()).default([]),
    firstLooks: z.array(z.unknown()).default([]),
  }),
});

const unseen = {
  standby: null,
  active: null,
  standbyError: null,
  inSyncSeenAtMs: null,
  leaderSight: null,
  routers: null,
  newestCopy: null,
  copyError: null,
  leadership: { leading: true, leader: null, error: null },
  known: [],
  promisedForMs: 0,
  filledKnownForMs: null,
} as const satisfies Partial<Observations>;

/** Reads recorded situations: one JSON object per line. @throws Error that names the line */
export function parseMoments(text: string): readonly RecordedMoment[] {
  return text.split("\n").flatMap((line, n) => {
    if (line.trim() === "") return [];
    try {
      const { nowMs, record, seen } = momentSchema.parse(JSON.parse(line));
      const observed = { ...unseen, ...seen } as unknown as Observations;
      const moment = { nowMs, seen: observed };
      if (record === undefined) return [moment];
      return [{ ...moment, record: record === null ? null : parseStateRecord(record) }];
    } catch (error) {
      throw new Error(`line ${n + 1} is no recorded situation: ${problemOf(error)}`, { cause: error });
    }
  });
}

function problemOf(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `${issue?.path.join(".")}: ${issue?.message}`;
  }
  return messageOf(error);
}
