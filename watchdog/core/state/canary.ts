import type { RegionName } from "../../config/address.ts";
import type { CanaryCause } from "../../config/canary.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import { duration } from "../../util/text.ts";
import type { Observations } from "./observations.ts";
import type { StateRecord } from "./record.ts";
import { closedForMs, isOverdue } from "./stuck.ts";

/** Canaries: writes through the entry of a watchdog's host, which find a region that answers and refuses every write. */

/**
 * What fails a canary and proves nothing about the region, so that it never counts against it. forbidden: the canary's user
 * or its role; untrusted: the entry's certificate; entry: HAProxy itself does not answer; index: the canary's own index.
 */
export const ownCauses = ["forbidden", "untrusted", "entry", "index"] as const;
export type OwnCause = (typeof ownCauses)[number];

export type CanaryAnswer =
  /** `region` as the entry names it; null: it names none. */
  | { readonly kind: "accepted"; readonly region: RegionName | null }
  /** The entry sends requests nowhere, as it does during a change. */
  | { readonly kind: "closed" }
  | {
      readonly kind: "failed";
      readonly cause: CanaryCause | OwnCause;
      readonly error: string;
      readonly region: RegionName | null;
    };

/** The canaries of one watchdog since its router opened to a region. */
export interface CanaryState {
  readonly region: RegionName;
  readonly epoch: number;
  readonly lastAtMs: number;
  readonly lastGoodAtMs: number | null;
  readonly failuresInARow: number;
  /** Those at the end of them whose causes may make the region unhealthy. */
  readonly countedInARow: number;
  /** When the first failure of the row was; null while there is none. */
  readonly failingSinceMs: number | null;
  /** Of the last canary; null when it was good. */
  readonly cause: CanaryCause | OwnCause | null;
  readonly error: string | null;
}

type CanaryPolicy = DeepReadonly<WatchdogConfig["canary"]>;

/** Folds one more answer into the state; null: nothing is known of this region under this epoch. */
export function observeCanary(
  before: CanaryState | null,
  answer: CanaryAnswer,
  { region, epoch, atMs }: { readonly region: RegionName; readonly epoch: number; readonly atMs: number },
  policy: CanaryPolicy,
): CanaryState | null {
  const known = before?.region === region && before.epoch === epoch ? before : null;
  // Closed, or open to another region than the record names: a change is under way, and nothing was asked of this one.
  if (answer.kind === "closed" || (answer.region !== null && answer.region !== region)) return known;
  const own = { region, epoch, lastAtMs: atMs };
  if (answer.kind === "accepted") {
    const none = { failuresInARow: 0, countedInARow: 0, failingSinceMs: null, cause: null, error: null };
    return { ...own, ...none, lastGoodAtMs: atMs };
  }
  const { cause, error } = answer;
  return {
    ...own,
    lastGoodAtMs: known?.lastGoodAtMs ?? null,
    failuresInARow: (known?.failuresInARow ?? 0) + 1,
    countedInARow: counts(cause, policy) ? (known?.countedInARow ?? 0) + 1 : 0,
    failingSinceMs: known?.failingSinceMs ?? atMs,
    cause,
    error,
  };
}

const counts = (cause: CanaryState["cause"], { unhealthyCauses }: CanaryPolicy): boolean =>
  unhealthyCauses.some((counted) => counted === cause);

interface Now {
  readonly record: StateRecord | null;
  readonly nowMs: number;
}

/**
 * Why a region counts as failed by its canaries although its probe is good; null when it does not. While its routers close
 * no canary can be sent: then the last word holds for the bound of a change, so that the change is not called off at once;
 * no longer, since the region may have to take over again.
 */
export function canaryFailure(
  state: CanaryState | null,
  region: RegionName,
  { record, nowMs, seen }: Now & { readonly seen: Pick<Observations, "changeKnownForMs"> },
  config: DeepReadonly<Pick<WatchdogConfig, "canary" | "promotion">>,
): string | null {
  if (state === null || state.region !== region || state.countedInARow < config.canary.unhealthyThreshold) return null;
  const isLeft = record?.phase === "closing" && record.from === region && record.epoch === state.epoch + 1;
  const holds = isLeft
    ? !isOverdue(closedForMs({ record, seen, nowMs }), config)
    : isCurrent(state, { record, nowMs }, config);
  return holds ? describe(state, nowMs) : null;
}

/** What `status` tells of failing canaries; null while they are good, few, or of the past. */
export function canaryProblem(
  state: CanaryState | null,
  now: Now,
  config: DeepReadonly<Pick<WatchdogConfig, "canary">>,
): string | null {
  if (state === null || state.cause === null || state.failuresInARow < config.canary.failThreshold) return null;
  if (!isCurrent(state, now, config)) return null;
  return `${describe(state, now.nowMs)}; ${consequence(state, config.canary)}`;
}

/** For so many intervals without an answer, the last one counts. */
const INTERVALS_CURRENT = 3;

function isCurrent(
  { region, epoch, lastAtMs }: CanaryState,
  { record, nowMs }: Now,
  { canary: { intervalMs, timeoutMs } }: DeepReadonly<Pick<WatchdogConfig, "canary">>,
): boolean {
  if (record?.phase !== "serving" || record.active !== region || record.epoch !== epoch) return false;
  return nowMs - lastAtMs <= INTERVALS_CURRENT * intervalMs + timeoutMs;
}

const describe = ({ failuresInARow, failingSinceMs, cause, error }: CanaryState, nowMs: number): string =>
  `writes through the entry fail (${cause}, ${failuresInARow} in a row since ${duration(nowMs - (failingSinceMs ?? nowMs))}): ${error}`;

function consequence({ region, cause, countedInARow }: CanaryState, policy: CanaryPolicy): string {
  if (ownCauses.some((own) => own === cause)) return `this proves nothing about ${region}`;
  if (!counts(cause, policy)) return `by canary.unhealthyCauses no reason to fail over`;
  return `${region} counts as unhealthy from ${policy.unhealthyThreshold} on (now ${countedInARow})`;
}
