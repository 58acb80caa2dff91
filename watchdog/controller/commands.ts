import { type Applied, applyCommand, type Command, ruleIdOf } from "../core/requests.ts";
import type { WatchdogContext } from "./context.ts";

/** Somebody else writing at the same time is rare; this often in a row it is no coincidence. */
const ATTEMPTS = 5;

/** A command as it took effect, or why it did not. */
export type CommandOutcome = Applied;

/**
 * Puts an operator's command into the state document by compare-and-swap. It counts whether or not this watchdog
 * decides, and whether or not it trusts itself: the record carries it to whoever does.
 *
 * @throws Error when the store does not answer, or somebody else writes all the time
 */
export async function submitCommand(context: WatchdogContext, command: Command, by: string): Promise<CommandOutcome> {
  const { clock, config, wakeDecide, log } = context;
  const store = context.operatorStore ?? context.store;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const stored = await store.read();
    const atMs = clock.nowMs();
    const applied = applyCommand(stored?.record ?? null, command, { by, atMs }, Object.keys(config.regions));
    if (!applied.accepted) return applied;
    const { record, explanation } = applied;
    const entry = { atMs, epoch: record.epoch, rule: ruleIdOf(command), explanation, watchdog: config.name };
    if ((await store.write(record, stored?.revision ?? null, entry)) !== "conflict") {
      log.info({ event: "command", command: command.kind, by, epoch: record.epoch }, explanation);
      wakeDecide.trigger();
      return applied;
    }
  }
  throw new Error("the state document changes all the time: nothing was changed, try again");
}
