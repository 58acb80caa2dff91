import { z } from "zod";
import type { WatchdogConfig } from "../config/schema.ts";
import { messageOf } from "../util/errors.ts";
import { decideStep, type SimulatedStep } from "./forecast.ts";
import type { KnownSituation } from "./preview.ts";
import type { Observations } from "./state/observations.ts";
import { parseStateRecord, type StateRecord } from "./state/record.ts";

/** A recorded situation. Without a record of its own it continues from the record after the moment before. */
export interface RecordedMoment extends Omit<KnownSituation, "record"> {
  readonly record?: StateRecord | null;
}

/** One ruling per recorded moment. */
export function replayMoments(moments: readonly RecordedMoment[], config: WatchdogConfig): readonly SimulatedStep[] {
  let record: StateRecord | null = null;
  return moments.map((moment) => {
    record = moment.record === undefined ? record : moment.record;
    const { step, next } = decideStep(record, moment.seen, moment.nowMs, config);
    record = next;
    return step;
  });
}

/**
 * Checks only the fields without which a rule would throw: a watchdog wrote the file, perhaps an older version, whose
 * observations had fewer fields.
 */
const momentSchema = z.looseObject({
  nowMs: z.number().int(),
  record: z.unknown().optional(),
  seen: z.looseObject({
    health: z.record(
      z.string(),
      z.looseObject({ state: z.string(), reason: z.string(), problems: z.array(z.string()).default([]) }),
    ),
    sites: z.array(z.looseObject({ site: z.string(), regions: z.record(z.string(), z.string()) })),
    store: z.looseObject({ reachable: z.boolean() }).default({ reachable: true, error: null }),
    selfDoubt: z.array(z.string()).default([]),
    firstLooks: z.array(z.unknown()).default([]),
  }),
});

/** What older recordings lack. */
const unseen = {
  standby: null,
  active: null,
  standbyError: null,
  inSyncSeenAtMs: null,
  leaderSight: null,
  routers: null,
  newestCopy: null,
  copyError: null,
  leadership: { leading: true, leader: null, error: null },
  known: [],
  promisedForMs: 0,
  filledKnownForMs: null,
} as const satisfies Partial<Observations>;

/** Reads recorded situations: one JSON object per line. @throws Error that names the line */
export function parseMoments(text: string): readonly RecordedMoment[] {
  return text.split("\n").flatMap((line, n) => {
    if (line.trim() === "") return [];
    try {
      const { nowMs, record, seen } = momentSchema.parse(JSON.parse(line));
      const observed = { ...unseen, ...seen } as unknown as Observations;
      const moment = { nowMs, seen: observed };
      if (record === undefined) return [moment];
      return [{ ...moment, record: record === null ? null : parseStateRecord(record) }];
    } catch (error) {
      throw new Error(`line ${n + 1} is not a recorded situation: ${describeError(error)}`, { cause: error });
    }
  });
}

function describeError(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `${issue?.path.join(".")}: ${issue?.message}`;
  }
  return messageOf(error);
}
