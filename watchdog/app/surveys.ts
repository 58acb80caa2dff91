import { systemClock } from "../adapters/clock.ts";
import type { RegionName } from "../config/address.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Watchdog } from "../controller/watchdog.ts";
import { otherRegion } from "../core/state/situation.ts";
import type { Surveyed, SystemSurvey, UnsettledSalvage } from "../diagnostics/surveyed.ts";
import { listSalvages } from "../salvage/exports.ts";
import { salvageRoot } from "../salvage/salvage.ts";
import type { Logger } from "../util/logger.ts";
import { runLoop } from "../util/loop.ts";
import { surveyDrift } from "./survey-drift.ts";
import { checkSystem } from "./survey-system.ts";

/** How soon a new controller makes its first survey, and another watchdog drops its last one. */
const ROUND_MS = 10_000;

export interface SurveyParts {
  readonly watchdog: Pick<Watchdog, "situation">;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface RunningSurveys {
  latest(): Surveyed;
  /** Ends when the signal given at the start has aborted. */
  readonly ended: Promise<void>;
}

/** Makes the checks of `preflight` and `drift` from time to time, beside the watchdog: by the controller alone. */
export function runSurveys(loaded: LoadedConfig, { watchdog, log, signal }: SurveyParts): RunningSurveys {
  const { config } = loaded;
  const { intervalMs } = config.surveys;
  const root = salvageRoot(config.stateDirectory);
  let system: SystemSurvey | null = null;
  let salvages: readonly UnsettledSalvage[] = [];
  let systemDueMs = 0;
  let salvagesDueMs = 0;
  const isDue = (dueMs: number) => systemClock.monotonicMs() >= dueMs;
  const round = async () => {
    if (isDue(salvagesDueMs)) {
      salvagesDueMs = systemClock.monotonicMs() + intervalMs;
      salvages = await unsettledSalvages(root);
    }
    const { record, seen } = watchdog.situation();
    if (!seen.leadership.leading) {
      system = null;
      systemDueMs = 0;
    } else if (record?.phase === "serving" && isDue(systemDueMs)) {
      // Also after a failure: a region that does not answer is asked no sooner.
      systemDueMs = systemClock.monotonicMs() + intervalMs;
      system = await survey(loaded, record.active, watchdog);
    }
  };
  const ended = runLoop({ name: "surveys", intervalMs: () => ROUND_MS, round }, { clock: systemClock, log, signal });
  return { latest: () => ({ system, salvages }), ended };
}

async function survey(
  loaded: LoadedConfig,
  active: RegionName,
  watchdog: SurveyParts["watchdog"],
): Promise<SystemSurvey> {
  // One after the other, as the checks measure times.
  const checked = await checkSystem(loaded, loaded.config.surveys.outageMs, async () => watchdog.situation());
  const drift = await surveyDrift(loaded, active, otherRegion(loaded.config, active));
  return { atMs: systemClock.nowMs(), ...checked, drift };
}

const unsettledSalvages = async (root: string): Promise<readonly UnsettledSalvage[]> =>
  (await listSalvages(root)).map(({ name, totals }) => ({
    salvage: name,
    operations: Math.max(0, totals.operations - totals.settled),
  }));
