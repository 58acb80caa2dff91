import { table } from "../../watchdog/util/text.ts";
import type { Call } from "./calls.ts";

/** Measurement of one way of promoting. */
export interface Run {
  readonly name: string;
  readonly tookMs: number;
  readonly calls: readonly Call[];
  /** Maximum number of concurrent requests that change something. */
  readonly changesAtOnce: number;
}

/** Elasticsearch's default http.max_initial_line_length, including method and parameters. */
const REQUEST_LINE_BYTES = 4_096;
const REST_OF_LINE_BYTES = 100;

/**
 * Minimum number of requests that promote these indices: pause_follow and unfollow take one index each, close and open as
 * many names as a request line holds, and one bulk request can write to all of them.
 */
export function leastCalls(names: readonly string[]): Readonly<Record<string, number>> {
  const bytes = names.reduce((sum, name) => sum + encodeURIComponent(name).length + 3, 0);
  const lists = Math.ceil(bytes / (REQUEST_LINE_BYTES - REST_OF_LINE_BYTES));
  return {
    "pause auto-follow": 1,
    "pause following": names.length,
    close: lists,
    unfollow: names.length,
    open: lists,
    "probe write": 1,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
const longest = (calls: readonly Call[]) => Math.max(0, ...calls.map(({ durationMs }) => durationMs ?? 0));
export const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

/** A table with a column per run, a row per kind of request, and totals. */
export function comparison(runs: readonly Run[], least: Readonly<Record<string, number>>): string {
  const kinds = [...new Set([...Object.keys(least), ...runs.flatMap(({ calls }) => calls.map(({ kind }) => kind))])];
  const ofKind = ({ calls }: Run, kind: string) => calls.filter((call) => call.kind === kind);
  const changes = ({ calls }: Run) => calls.filter(({ kind }) => kind !== "read");
  const rows = [
    ["", "least", ...runs.map(({ name }) => name)],
    ...kinds.map((kind) => [
      kind,
      String(least[kind] ?? 0),
      ...runs.map((run) => {
        const calls = ofKind(run, kind);
        return calls.length === 0 ? "0" : `${calls.length} (longest ${seconds(longest(calls))})`;
      }),
    ]),
    [
      "requests that change something",
      String(sum(Object.values(least))),
      ...runs.map((run) => `${changes(run).length}`),
    ],
    ["of them at once", "", ...runs.map(({ changesAtOnce }) => String(changesAtOnce))],
    ["time", "", ...runs.map(({ tookMs }) => seconds(tookMs))],
  ];
  return table(rows);
}
