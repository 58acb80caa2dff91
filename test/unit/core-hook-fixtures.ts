import { hooksSchema } from "../../watchdog/config/hooks.ts";
import type { WatchdogConfig } from "../../watchdog/config/schema.ts";
import type { HookReport, HookReports } from "../../watchdog/core/state/hooks.ts";
import { config, NOW_MS } from "./core-fixtures.ts";

/** With one hook before closing, which may stop a change, and one after the opening. */
export const hooked: WatchdogConfig = {
  ...config,
  hooks: hooksSchema.parse({
    beforeClosing: [{ command: ["/h"], onFailure: "stop" }],
    afterOpening: [{ command: ["/h"] }],
  }),
};

const report = (state: HookReport["state"], id: string, agoMs: number): HookReport => ({
  id,
  state,
  atMs: NOW_MS - agoMs,
  words: state === "stopped" ? "/h ended with status 1: backup" : null,
});

/** The hooks before closing, as a watchdog has run them for the change of that id. */
export const ranBefore = (state: HookReport["state"], id: string, agoMs = 1_000): HookReports => ({
  before: report(state, id, agoMs),
  after: null,
});

/** The same of the hooks after the opening under that epoch. */
export const ranAfter = (state: HookReport["state"], id: string, agoMs = 1_000): HookReports => ({
  before: null,
  after: report(state, id, agoMs),
});
