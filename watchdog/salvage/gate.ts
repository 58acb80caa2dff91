import { mkdir } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { IndexState, ShardCheckpoint } from "../core/state/cluster.ts";
import { checkpointOf, type Divergence } from "../core/state/divergence.ts";
import { appendDurably, PRIVATE_DIRECTORY, readAppended } from "../util/durable.ts";
import { messageOf } from "../util/errors.ts";
import type { OldPrimary } from "./ports.ts";
import { exportDirectories, type VerifiedReceipt, verifyReceipt } from "./receipt.ts";

/**
 * The only way to a permit for deleting indices of an old primary: each has a verified receipt that accounts for all it
 * holds now, or an operator named it to be discarded.
 */

const DISCARDS_FILE = "discards.ndjson";

const discardSchema = z.strictObject({
  at: z.iso.datetime(),
  /** Who decided, as the command line knows it. */
  operator: z.string().min(1),
  reason: z.string(),
  region: z.string(),
  clusterUuid: z.string(),
  index: z.string().min(1),
  /** The very index meant: a later one of the same name is not. */
  uuid: z.string().min(1),
});

/** An operator's decision to give up what an index of the old primary holds. */
export type Discard = z.output<typeof discardSchema>;

/** An index of the old primary as it stands now. */
export interface DoomedIndex {
  readonly state: IndexState;
  readonly checkpoints: readonly ShardCheckpoint[];
}

export interface Evidence {
  readonly divergence: Divergence;
  readonly clusterUuid: string;
  readonly receipts: readonly VerifiedReceipt[];
  readonly discards: readonly Discard[];
}

declare const granted: unique symbol;
/** May be deleted. Only `judge` makes one. */
export interface DeletionPermit {
  readonly indices: readonly string[];
  readonly [granted]: true;
}

export type GateVerdict =
  | { readonly salvaged: true; readonly permit: DeletionPermit }
  | { readonly salvaged: false; readonly refusals: readonly { readonly index: string; readonly reason: string }[] };

/** All or nothing: one index without proof keeps every index of the request. */
export function judge(doomed: readonly DoomedIndex[], evidence: Evidence): GateVerdict {
  const refusals = doomed.flatMap((index) => {
    const reason = refusalOf(index, evidence);
    return reason === null ? [] : [{ index: index.state.name, reason }];
  });
  if (refusals.length > 0) return { salvaged: false, refusals };
  const permit = { indices: doomed.map(({ state }) => state.name) };
  return { salvaged: true, permit: permit as unknown as DeletionPermit };
}

function refusalOf(doomed: DoomedIndex, evidence: Evidence): string | null {
  const { state } = doomed;
  const isDiscarded = evidence.discards.some(
    (discard) =>
      discard.clusterUuid === evidence.clusterUuid && discard.index === state.name && discard.uuid === state.uuid,
  );
  if (isDiscarded) return null;
  if (!state.writeBlocked) return "it has no write block: what it holds may grow after any receipt";
  const reasons: string[] = [];
  for (const receipt of evidence.receipts) {
    const reason = shortcomingOf(receipt, doomed, evidence);
    if (reason === null) return null;
    reasons.push(reason);
  }
  return reasons.at(-1) ?? "there is no valid receipt: salvage the region first";
}

/** Why a receipt does not cover all of an index, or null when it does. */
function shortcomingOf(
  receipt: VerifiedReceipt,
  { state, checkpoints }: DoomedIndex,
  evidence: Evidence,
): string | null {
  if (receipt.clusterUuid !== evidence.clusterUuid) return "the receipt is for another cluster";
  const left = receipt.leftOut.find(({ index }) => index === state.name);
  if (left !== undefined) return `the export left it out: ${left.reason}`;
  const exported = receipt.indices.find(({ index, uuid }) => index === state.name && uuid === state.uuid);
  if (exported === undefined) return "the receipt does not speak of it";
  for (let shard = 0; shard < state.primaries; shard += 1) {
    const present = checkpoints.filter((checkpoint) => checkpoint.index === state.name && checkpoint.shard === shard);
    const proven = exported.shards.filter((candidate) => candidate.shard === shard);
    const [now, then] = [present[0], proven[0]];
    if (now === undefined || present.length !== 1) return `shard ${shard} does not report its sequence numbers now`;
    if (then === undefined || proven.length !== 1) return `the receipt does not account for shard ${shard}`;
    if (now.maxSeqNo !== then.maxSeqNo) {
      return `shard ${shard} is at sequence number ${now.maxSeqNo}, the receipt ends at ${then.maxSeqNo}`;
    }
    const replicated = checkpointOf(evidence.divergence, state.name, shard);
    if (then.checkpoint > replicated) {
      return `shard ${shard} was exported from ${then.checkpoint}, but the new primary had it up to ${replicated} only`;
    }
  }
  return null;
}

/**
 * Whether these indices of the old primary may be deleted, from what it says now and what lies on disk. The exported
 * files are read again in full.
 *
 * @throws ClusterError when the old primary cannot be asked
 */
export async function isSalvaged(
  root: string,
  divergence: Divergence,
  oldPrimary: OldPrimary,
  indices: readonly string[],
): Promise<GateVerdict> {
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`${oldPrimary.region}: ${probe.error}`);
  const states = await oldPrimary.indices();
  const unknown = indices.filter((name) => !states.some((state) => state.name === name));
  if (unknown.length > 0) {
    const reason = `${oldPrimary.region} has no managed index of this name`;
    return { salvaged: false, refusals: unknown.map((index) => ({ index, reason })) };
  }
  const named = states.filter((state) => indices.includes(state.name));
  const open = named.filter((state) => state.open).map((state) => state.name);
  const checkpoints = open.length === 0 ? [] : await oldPrimary.checkpoints(open);
  return judge(
    named.map((state) => ({ state, checkpoints: checkpoints.filter(({ index }) => index === state.name) })),
    {
      divergence,
      clusterUuid: probe.clusterUuid,
      receipts: await validReceipts(root, divergence.oldRegion),
      discards: await readDiscards(root),
    },
  );
}

async function validReceipts(root: string, region: string): Promise<VerifiedReceipt[]> {
  const receipts: VerifiedReceipt[] = [];
  for (const name of await exportDirectories(root)) {
    const check = await verifyReceipt(path.join(root, name));
    if (check.valid && check.receipt.region === region) receipts.push(check.receipt);
  }
  return receipts;
}

/** @throws Error when the list of discards is damaged */
export async function readDiscards(root: string): Promise<readonly Discard[]> {
  const file = path.join(root, DISCARDS_FILE);
  return (await readAppended(file)).map((line, position) => {
    try {
      return discardSchema.parse(JSON.parse(line));
    } catch (error) {
      throw new Error(`${file} line ${position + 1} is not a discard: ${messageOf(error)}`, { cause: error });
    }
  });
}

export async function recordDiscards(root: string, discards: readonly Discard[]): Promise<void> {
  await mkdir(root, { recursive: true, mode: PRIVATE_DIRECTORY });
  await appendDurably(
    path.join(root, DISCARDS_FILE),
    discards.map((discard) => JSON.stringify(discardSchema.parse(discard))),
  );
}
