import type { FirstCopy } from "../../core/state/cluster.ts";
import {
  areWaitingForFirstCopy,
  missingPrimaries,
  routingCauses,
  routingFields,
  type ShardCopy,
} from "./missing-primaries.ts";
import { listNames, readByName } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

/** Primaries of an index of which some are missing, and attempts at allocating each until Elasticsearch gives up. */
export interface IncompleteIndex {
  readonly name: string;
  readonly primaries: number;
  readonly maxAttempts: number;
}

/** The first copies among these followers, by index; an index whose primaries are missing for another reason has none. */
export async function readFirstCopies(
  nodes: RegionNodes,
  incomplete: readonly IncompleteIndex[],
): Promise<ReadonlyMap<string, FirstCopy>> {
  if (incomplete.length === 0) return new Map();
  const names = incomplete.map(({ name }) => name);
  const missing = new Map(
    await readByName(names, async (index) => {
      const answer = await nodes.read(`read missing primaries of ${listNames(index)}`, (client, options) =>
        client.cluster.state(
          {
            metric: "routing_table",
            index,
            expand_wildcards: "all",
            ignore_unavailable: true,
            filter_path: [...routingFields, ...routingCauses],
          },
          options,
        ),
      );
      return [...missingPrimaries(answer)].filter(([, primaries]) => areWaitingForFirstCopy(primaries));
    }),
  );
  const progress = new Map(await readByName([...missing.keys()], (index) => readProgress(nodes, index)));
  return new Map(
    incomplete.flatMap((index) => {
      const primaries = missing.get(index.name);
      return primaries === undefined
        ? []
        : [[index.name, firstCopyOf(index, primaries, progress.get(index.name) ?? [])]];
    }),
  );
}

interface Restore {
  readonly bytesDone: number;
  /** 0 until the leader's files are known, and of a leader without any. */
  readonly bytesTotal: number;
  readonly startedAtMs: number;
}

/** The restores of primaries, finished ones too: bytes are counted over the whole index. */
async function readProgress(nodes: RegionNodes, index: string[]): Promise<[string, readonly Restore[]][]> {
  const answer = await nodes.read(`read progress of the first copies of ${listNames(index)}`, (client, options) =>
    client.indices.recovery({ index, ignore_unavailable: true, expand_wildcards: "all" }, options),
  );
  return Object.entries(answer).map(([name, { shards }]) => [
    name,
    shards.flatMap(({ type, primary, index: files, start_time_in_millis }) => {
      if (!primary || type !== "SNAPSHOT" || files.size === undefined) return [];
      const { recovered_in_bytes, total_in_bytes } = files.size;
      return [
        {
          bytesDone: Number(recovered_in_bytes),
          bytesTotal: Number(total_in_bytes),
          startedAtMs: Number(start_time_in_millis),
        },
      ];
    }),
  ]);
}

/** How a first copy fares, from the missing primaries and the restores that have begun. */
export function firstCopyOf(
  { primaries, maxAttempts }: IncompleteIndex,
  missing: readonly ShardCopy[],
  restores: readonly Restore[],
): FirstCopy {
  const failed = missing.find((primary) => isGivenUp(primary, maxAttempts));
  const sum = (bytes: (restore: Restore) => number) => restores.reduce((total, restore) => total + bytes(restore), 0);
  const known = restores.length === primaries && restores.every(({ bytesTotal }) => bytesTotal > 0);
  return {
    state: failed === undefined ? "running" : "failed",
    bytesDone: sum(({ bytesDone }) => bytesDone),
    bytesTotal: known ? sum(({ bytesTotal }) => bytesTotal) : null,
    startedAtMs: restores.length === 0 ? null : Math.min(...restores.map(({ startedAtMs }) => startedAtMs)),
    error: failed === undefined ? null : causeOf(failed),
  };
}

/**
 * Elasticsearch ends a restore for good when a primary has used up its attempts, and when no node may take it
 * (`deciders_no`): later changes do not revive it. A closed index then has no copy at all.
 */
function isGivenUp({ state, unassigned_info: info }: ShardCopy, maxAttempts: number): boolean {
  if (state !== "UNASSIGNED" || info === undefined) return false;
  const { failed_attempts, allocation_status = "" } = info;
  return failed_attempts >= maxAttempts || ["deciders_no", "no_valid_shard_copy"].includes(allocation_status);
}

/** The innermost cause of a stack trace, without the name of its class; else the first line. */
function causeOf({ unassigned_info: info }: ShardCopy): string {
  const lines = (info?.details ?? "").split("\n");
  const cause = lines.findLast((line) => line.startsWith("Caused by: "))?.replace("Caused by: ", "") ?? lines[0] ?? "";
  const message = cause
    .replace(/^\[.*?\]\[\[.*?\]\[\d+\]\] /, "")
    .replace(/^[\w.$]+(?:Exception|Error): /, "")
    .replace(/;$/, "")
    .trim();
  return message === "" ? "no node may hold its primary" : message;
}
