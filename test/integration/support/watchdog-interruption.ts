/**
 * Stands in the place of two modules of `es-failover run` in the program that watchdog-release.ts bundles for tests: the
 * store and the clusters are the real ones, and the process ends itself by SIGKILL at one moment of one step of a
 * promotion, named by the environment as `<step>:<moment>`.
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
 * begun: the store says that the step runs, and nothing was done yet; halfway: the first of the step's several requests
 * is through, and the second is about to be sent; effected: all is done and verified, and the store does not say so yet.
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

/** Ends the process where `here` is the moment asked for; SIGKILL leaves no time for anything that follows. */
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

/** Requests are to be sent one by one: else the first is not through when the second is sent. */
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
