import { mkdir } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { appendDurably, PRIVATE_DIRECTORY, readAppended } from "../util/durable.ts";
import { messageOf } from "../util/errors.ts";
import type { OldPrimary } from "./ports.ts";

/** Decisions of operators to give up the contents of indices, one per line. */
const DISCARDS_FILE = "discards.ndjson";

const discardSchema = z.strictObject({
  at: z.iso.datetime(),
  /** Login name, as the command line reports it. */
  operator: z.string().min(1),
  reason: z.string(),
  region: z.string(),
  clusterUuid: z.string(),
  index: z.string().min(1),
  /** The decision does not apply to a later index of the same name. */
  uuid: z.string().min(1),
});

/** An operator's decision to give up the contents of an index of the old primary. */
export type Discard = z.output<typeof discardSchema>;

export interface DiscardRequest {
  readonly root: string;
  readonly oldPrimary: Pick<OldPrimary, "region" | "probe" | "indices">;
  /** Names in full; patterns are refused. */
  readonly indices: readonly string[];
  readonly operator: string;
  readonly reason: string;
  readonly nowMs: () => number;
}

/**
 * Records that an operator gives up the contents of these indices of the old primary, so that they may be deleted
 * without a receipt. Deletes nothing itself.
 *
 * @throws Error when a name is a pattern or unknown there; then nothing is recorded
 */
export async function discardIndices(request: DiscardRequest): Promise<readonly Discard[]> {
  const { oldPrimary, indices, operator, reason } = request;
  const { region } = oldPrimary;
  if (indices.length === 0) throw new Error("name the indices to discard: they cannot be discarded all at once");
  const pattern = indices.find((name) => /[*?,]/.test(name));
  if (pattern !== undefined) throw new Error(`${pattern} is a pattern: name each index to discard in full`);
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`${region}: ${probe.error}`);
  const states = await oldPrimary.indices();
  const at = new Date(request.nowMs()).toISOString();
  const discards = indices.map((index) => {
    const state = states.find(({ name }) => name === index);
    if (state === undefined) throw new Error(`${region} has no managed index named ${index}`);
    return { at, operator, reason, region, clusterUuid: probe.clusterUuid, index, uuid: state.uuid };
  });
  await recordDiscards(request.root, discards);
  return discards;
}

async function recordDiscards(root: string, discards: readonly Discard[]): Promise<void> {
  await mkdir(root, { recursive: true, mode: PRIVATE_DIRECTORY });
  await appendDurably(
    path.join(root, DISCARDS_FILE),
    discards.map((discard) => JSON.stringify(discardSchema.parse(discard))),
  );
}

/** @throws Error when a line is damaged */
export async function readDiscards(root: string): Promise<readonly Discard[]> {
  const file = path.join(root, DISCARDS_FILE);
  const discards: Discard[] = [];
  for await (const line of readAppended(file)) {
    try {
      discards.push(discardSchema.parse(JSON.parse(line)));
    } catch (error) {
      throw new Error(`${file} line ${discards.length + 1} is not a discard: ${messageOf(error)}`, { cause: error });
    }
  }
  return discards;
}
