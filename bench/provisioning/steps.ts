import { z } from "zod";

/** What an update of a stack spent its time with, from the engine's event log (an object per line). */

const metadata = z.object({ urn: z.string(), type: z.string(), op: z.string() });
const eventSchema = z.object({
  /** Whole seconds. */
  timestamp: z.number(),
  resourcePreEvent: z.object({ metadata }).optional(),
  resOutputsEvent: z.object({ metadata }).optional(),
});

export interface Work {
  /** Resources that were created, changed or replaced. */
  readonly resources: number;
  /** Seconds during which a step ran on each host, by its name. */
  readonly hosts: Readonly<Record<string, number>>;
}

interface Interval {
  readonly from: number;
  readonly to: number;
}

/** @param names of the stack's hosts */
export function workIn(eventLog: string, names: readonly string[]): Work {
  const begun = new Map<string, number>();
  const steps: (Interval & { readonly urn: string; readonly type: string })[] = [];
  for (const line of eventLog.trim().split("\n")) {
    const { timestamp, resourcePreEvent, resOutputsEvent } = eventSchema.parse(JSON.parse(line));
    if (resourcePreEvent !== undefined) begun.set(resourcePreEvent.metadata.urn, timestamp);
    const ended = resOutputsEvent?.metadata;
    if (ended === undefined || ended.op === "same" || !/^(ovh|command|tls|random):/.test(ended.type)) continue;
    steps.push({ urn: ended.urn, type: ended.type, from: begun.get(ended.urn) ?? timestamp, to: timestamp });
  }
  const onHost = (name: string) =>
    steps.filter(
      ({ urn, type }) => type.startsWith("command:remote:") && urn.split("::").at(-1)?.startsWith(`${name}-`),
    );
  return {
    resources: steps.length,
    hosts: Object.fromEntries(names.map((name) => [name, covered(onHost(name))])),
  };
}

/** The time that intervals cover together. */
function covered(intervals: readonly Interval[]): number {
  let [sum, end] = [0, Number.NEGATIVE_INFINITY];
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}
