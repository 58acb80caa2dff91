import type { WatchdogContext } from "./context.ts";
import { HookRunner } from "./hooks.ts";
import { Coordinator } from "./loops/elect.ts";
import { PlanExecutor } from "./loops/execute.ts";
import { Failsafe } from "./loops/failsafe.ts";
import { ReplicationReconciler } from "./loops/replicate.ts";
import { RouterReconciler } from "./loops/route.ts";

/** The stateful parts that a watchdog's loops run. */
export interface Components {
  readonly failsafe: Failsafe;
  readonly coordinator: Coordinator;
  readonly executor: PlanExecutor;
  readonly hooks: HookRunner;
  readonly replication: ReplicationReconciler;
  /** null on a witness. */
  readonly router: RouterReconciler | null;
}

export function createComponents(context: WatchdogContext): Components {
  const { config, router } = context;
  const failsafe = new Failsafe(context);
  return {
    failsafe,
    coordinator: new Coordinator(context),
    executor: new PlanExecutor(context),
    hooks: new HookRunner(context),
    replication: new ReplicationReconciler(context),
    router:
      router === null || config.router === null ? null : new RouterReconciler(context, failsafe, router, config.router),
  };
}
