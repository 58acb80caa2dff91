import { type Applied, applyCommand, type Command, ruleIdOf } from "../core/requests.ts";
import { newerVersionOf } from "../core/state/newer-version.ts";
import type { WatchdogContext } from "./context.ts";

/** Concurrent writes are rare: so many conflicts in a row are no coincidence. */
const ATTEMPTS = 5;

/**
 * Writes an operator's command to the state document by compare-and-swap. Any watchdog may do so, whether or not it is
 * the controller or passes its self-check: the record carries the command to the controller.
 *
 * @param by the operator's login name
 * @throws Error when the store does not answer, or every attempt meets a concurrent write
 */
export async function submitCommand(context: WatchdogContext, command: Command, by: string): Promise<Applied> {
  const { clock, config, observed, wakeDecide, log } = context;
  const store = context.operatorStore ?? context.store;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const stored = await store.read();
    const newer = newerVersionOf(stored?.record ?? null);
    if (newer !== null)
      return { accepted: false, reasons: [`${newer}; until then run the command on an upgraded host`] };
    const atMs = clock.nowMs();
    const background = { regions: Object.keys(config.regions), silence: observed.silence };
    const applied = applyCommand(stored?.record ?? null, command, { by, atMs }, background);
    if (!applied.accepted) return applied;
    const { record, explanation } = applied;
    const entry = { atMs, epoch: record.epoch, rule: ruleIdOf(command), explanation, watchdog: config.name };
    if ((await store.write(record, stored?.revision ?? null, entry)) !== "conflict") {
      log.info({ event: "command", command: command.kind, by, epoch: record.epoch }, explanation);
      wakeDecide.trigger();
      return applied;
    }
  }
  throw new Error("the state document keeps changing: nothing was written, try again");
}
