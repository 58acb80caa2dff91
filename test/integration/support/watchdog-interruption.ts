/**
 * Replaces two modules of `es-failover run` in the program that watchdog-release.ts bundles for tests: store and clusters
 * are the real ones, and the process kills itself by SIGKILL at one moment of one step of a promotion, which the
 * environment names as `<step>:<moment>`.
 */
import process from "node:process";
import {
  createElasticsearchCluster as createRealCluster,
  type ElasticsearchCluster,
  type ElasticsearchClusterOptions,
} from "../../../watchdog/adapters/elasticsearch/cluster.ts";
import { connectStore as connectRealStore, type StoreConnection } from "../../../watchdog/app/store.ts";
import type { Store } from "../../../watchdog/core/ports/store.ts";
import type { StepKind } from "../../../watchdog/core/state/plan.ts";
import { currentStep, stepOf } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";

/**
 * begun: the store has the step as running, and nothing is done yet; halfway: the first of the step's several requests is
 * done, and the second is about to be sent; effected: all is done and verified, and the store does not have it yet.
 */
export type Moment = "begun" | "halfway" | "effected";

export interface Interruption {
  readonly step: StepKind;
  readonly moment: Moment;
}

/** Name of the environment variable. */
export const INTERRUPTION = "ES_FAILOVER_TEST_KILL_AT";

export const interruptionText = ({ step, moment }: Interruption): string => `${step}:${moment}`;

const wanted = process.env[INTERRUPTION];
let stepUnderWay: StepKind | undefined;
let requestsOfStep = 0;

/** Kills the process if `here` is the wanted moment; SIGKILL leaves no time for anything that follows. */
function dieAt(here: Interruption): void {
  if (interruptionText(here) === wanted) process.kill(process.pid, "SIGKILL");
}

export async function connectStore(...args: Parameters<typeof connectRealStore>): Promise<StoreConnection> {
  const connection = await connectRealStore(...args);
  return { ...connection, store: dyingWhenWritten(connection.store) };
}

function dyingWhenWritten(store: Store): Store {
  return {
    ...store,
    write: async (record, expected, entry) => {
      const finished = justFinished(record);
      if (finished !== undefined) dieAt({ step: finished, moment: "effected" });
      const outcome = await store.write(record, expected, entry);
      if (outcome !== "conflict") {
        stepUnderWay = running(record);
        requestsOfStep = 0;
        if (stepUnderWay !== undefined) dieAt({ step: stepUnderWay, moment: "begun" });
      }
      return outcome;
    },
  };
}

export function createElasticsearchCluster(options: ElasticsearchClusterOptions): ElasticsearchCluster {
  const cluster = createRealCluster(options);
  return {
    ...cluster,
    pauseFollow: halfway("pause-follow", cluster.pauseFollow),
    closeIndices: halfway("close", cluster.closeIndices),
    unfollow: halfway("unfollow", cluster.unfollow),
    openIndices: halfway("open", cluster.openIndices),
    probeWrite: halfway("verify", cluster.probeWrite),
  };
}

/** Expects requests one at a time: otherwise the first is not done when the second is sent. */
function halfway<A extends readonly unknown[]>(step: StepKind, request: (...args: A) => Promise<void>) {
  return (...args: A): Promise<void> => {
    if (stepUnderWay === step) {
      requestsOfStep += 1;
      if (requestsOfStep === 2) dieAt({ step, moment: "halfway" });
    }
    return request(...args);
  };
}

function running(record: StateRecord): StepKind | undefined {
  const step = record.phase === "promoting" ? currentStep(record.plan) : null;
  return step?.status === "running" ? step.kind : undefined;
}

/** The step that this write reports as done. */
function justFinished(record: StateRecord): StepKind | undefined {
  if (record.phase !== "promoting" || stepUnderWay === undefined) return undefined;
  return stepOf(record.plan, stepUnderWay)?.status === "done" ? stepUnderWay : undefined;
}
