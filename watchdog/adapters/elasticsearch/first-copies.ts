import type { FirstCopy, IndexState } from "../../core/state/cluster.ts";
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

/** Why an index lacks primaries. */
export type MissingPrimaries = Pick<IndexState, "firstCopy" | "noCopy">;

/** By index, of these followers: the first copy that its primaries wait for, or whether there is any copy of them. */
export async function readMissingPrimaries(
  nodes: RegionNodes,
  incomplete: readonly IncompleteIndex[],
): Promise<ReadonlyMap<string, MissingPrimaries>> {
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
      return [...missingPrimaries(answer)];
    }),
  );
  const copied = [...missing].filter(([, primaries]) => areWaitingForFirstCopy(primaries)).map(([name]) => name);
  const progress = new Map(await readByName(copied, (index) => readProgress(nodes, index)));
  return new Map(
    incomplete.map((index) => {
      const primaries = missing.get(index.name) ?? [];
      const isCopied = copied.includes(index.name);
      const firstCopy = isCopied ? firstCopyOf(index, primaries, progress.get(index.name) ?? []) : null;
      return [index.name, { firstCopy, noCopy: !isCopied && areWithoutCopy(primaries, index) }];
    }),
  );
}

/**
 * Whether Elasticsearch has asked every node that is there for a copy of each missing primary, and has found none or cannot start
 * it. A restart of the whole cluster ends a first copy like this: it forgets the restore, and what was copied so far cannot be
 * started. While another one may still start, it may be complete.
 */
export const areWithoutCopy = (
  missing: readonly ShardCopy[],
  { maxAttempts }: Pick<IncompleteIndex, "maxAttempts">,
): boolean =>
  missing.length > 0 &&
  missing.every(
    ({ state, unassigned_info: info }) =>
      state === "UNASSIGNED" &&
      info !== undefined &&
      (info.allocation_status === "no_valid_shard_copy" || info.failed_attempts >= maxAttempts),
  );

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
