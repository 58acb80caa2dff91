import { z } from "zod";
import { absolutePath, durationMs } from "./values.ts";

/** Hooks before closing delay a failover, and those after opening the end of the change. */
const MAX_HOOKS = 10;
const MAX_TIMEOUT_MS = 600_000;

const everyHook = {
  command: z
    .tuple([absolutePath], z.string())
    .describe("The program and its arguments; there is no shell. It has to be on the host of every watchdog.")
    .meta({ value: "an absolute path and arguments" }),
  timeoutMs: durationMs
    .max(MAX_TIMEOUT_MS, `write at most ${MAX_TIMEOUT_MS}`)
    .default(10_000)
    .describe("Bound on the program: then it is killed, with all that it started, and has failed."),
};

const hookBefore = z
  .strictObject({
    ...everyHook,
    onFailure: z
      .enum(["continue", "stop"])
      .default("continue")
      .describe(
        "What happens when the program ends with another status than 0, or not in time. `continue`: it is logged, and the " +
          "change goes on. `stop`: the change is refused with what the program printed, also an automatic failover.",
      ),
  })
  .describe("One program.");

const hookAfter = z.strictObject(everyHook).describe("One program.");

const listOf = <Hook extends z.ZodType>(hook: Hook) =>
  z.array(hook).max(MAX_HOOKS, `name at most ${MAX_HOOKS} hooks`).default([]);

/** The section of operators' own steps in a change. */
export const hooksSchema = z
  .strictObject({
    beforeClosing: listOf(hookBefore).describe(
      "Programs that the controller runs one after the other before routers close. Each adds its time to the outage of a " +
        "failover.",
    ),
    afterOpening: listOf(hookAfter).describe(
      "Programs that the controller runs one after the other once routers are open again, also when the change went back.",
    ),
    retryAfterMs: durationMs
      .default(60_000)
      .describe(
        "An automatic change that a hook has stopped is tried again after this time, with all hooks, for as long as it is " +
          "needed.",
      ),
  })
  .prefault({})
  .describe("Programs of your own, which run before and after a change of the active region. See docs/operations.md.");

export type HookSettings = z.output<typeof hookBefore> | z.output<typeof hookAfter>;
export type HooksSettings = z.output<typeof hooksSchema>;
