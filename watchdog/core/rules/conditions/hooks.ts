import type { RegionName } from "../../../config/address.ts";
import type { HookRun } from "../../state/hooks.ts";
import type { ServingRecord } from "../../state/record.ts";
import { type Situation, standbyOf } from "../../state/situation.ts";
import type { Condition } from "../rule.ts";

/**
 * What the hooks before closing say of a change. They run before anything of it is written, so that no router waits for
 * them; when they have ended, everything else is decided again from what is observed then.
 */

/** A change that would begin if the hooks agree; null: none is asked for. */
export type Wanted = (situation: Situation<ServingRecord>) => {
  readonly change: HookRun["change"];
  readonly to: RegionName;
  /** Of the operator's request; null for an automatic change. */
  readonly askedAtMs: number | null;
  /** A failover that an operator forces begins although a hook refuses it. */
  readonly isForced: boolean;
} | null;

/** For this long after the hooks have ended the change may begin; a later one runs them again. */
export const HOOKS_VALID_MS = 30_000;

export const automatic =
  (change: HookRun["change"]): Wanted =>
  (s) => ({ change, to: standbyOf(s), askedAtMs: null, isForced: false });

export const byOperator: Wanted = ({ record: { request } }) =>
  request === null ? null : { change: request.kind, to: request.to, askedAtMs: request.atMs, isForced: request.force };

export const hooksConfigured: Condition<ServingRecord> = ({ config: { hooks } }) =>
  hooks.beforeClosing.length > 0 ? null : "no hook before closing is configured";

type Consent =
  | { readonly state: "passed" | "due" | "running" }
  | { readonly state: "stopped"; readonly words: string; readonly retryAtMs: number | null };

function consent(s: Situation<ServingRecord>, wanted: NonNullable<ReturnType<Wanted>>): Consent {
  const { hooks } = s.config;
  if (hooks.beforeClosing.length === 0) return { state: "passed" };
  const report = s.seen.hooks?.before ?? null;
  if (report === null || report.id !== idOf(s, wanted)) return { state: "due" };
  if (report.state === "running") return { state: "running" };
  if (report.state === "stopped" && !wanted.isForced) {
    const words = report.words ?? "a hook refuses the change";
    // An operator's request is refused once, and removed.
    if (wanted.askedAtMs !== null) return { state: "stopped", words, retryAtMs: null };
    const retryAtMs = report.atMs + hooks.retryAfterMs;
    return s.nowMs < retryAtMs ? { state: "stopped", words, retryAtMs } : { state: "due" };
  }
  return s.nowMs - report.atMs <= HOOKS_VALID_MS ? { state: "passed" } : { state: "due" };
}

const idOf = ({ record }: Situation<ServingRecord>, { change, to, askedAtMs }: NonNullable<ReturnType<Wanted>>) =>
  `${record.epoch + 1} ${change} ${to} ${askedAtMs ?? "automatic"}`;

/** Holds when no hook has to run before the change any more, and none refuses it. */
export const hooksPassed =
  (wants: Wanted): Condition<ServingRecord> =>
  (s) => {
    const wanted = wants(s);
    if (wanted === null) return null;
    const found = consent(s, wanted);
    switch (found.state) {
      case "passed":
        return null;
      case "due":
      case "running":
        return "the hooks before closing have not ended";
      case "stopped":
        return found.retryAtMs === null
          ? `a hook refuses it: ${found.words}`
          : `a hook refuses it: ${found.words}; the hooks run again at ${new Date(found.retryAtMs).toISOString()}`;
      default:
        return found satisfies never;
    }
  };

/** Holds while hooks are to run, or run, before the change. */
export const hooksAwaited =
  (wants: Wanted): Condition<ServingRecord> =>
  (s) => {
    const wanted = wants(s);
    const state = wanted === null ? "passed" : consent(s, wanted).state;
    if (state === "due" || state === "running") return null;
    return state === "passed" ? "no hook has to run" : "a hook refuses it";
  };

/** Whether the hooks before the change have to begin now. */
export function areHooksDue(s: Situation<ServingRecord>, wants: Wanted): boolean {
  const wanted = wants(s);
  return wanted !== null && consent(s, wanted).state === "due";
}

/** Why a hook refuses what an operator asked for; null when none does. */
export function hookRefusal(s: Situation<ServingRecord>): string | null {
  const wanted = byOperator(s);
  return wanted !== null && consent(s, wanted).state === "stopped" ? hooksPassed(byOperator)(s) : null;
}

/** The run of the hooks before this change. */
export function runBefore(s: Situation<ServingRecord>, wants: Wanted, reason: string): HookRun {
  const wanted = wants(s);
  if (wanted === null) throw new Error("hooks before a change that is not wanted");
  const { active, epoch } = s.record;
  const { change, to } = wanted;
  return { phase: "before-closing", id: idOf(s, wanted), change, from: active, to, active, epoch: epoch + 1, reason };
}
