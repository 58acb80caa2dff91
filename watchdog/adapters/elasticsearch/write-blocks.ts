import { setTimeout as delay } from "node:timers/promises";
import { ackTimeouts, assertAcknowledged, rejected } from "./acknowledgement.ts";
import { changeSettings } from "./index-changes.ts";
import { inChunks, listNames } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

/** When it blocks, it returns once no write is in flight. */
export async function setWriteBlock(nodes: RegionNodes, indices: readonly string[], blocked: boolean): Promise<void> {
  if (!blocked) {
    // By the settings: the API that removes a block needs 9.1, and older versions are supported.
    for (const index of inChunks(indices)) {
      await changeSettings(nodes, index, { "index.blocks.write": null }, `unblock writes to ${listNames(index)}`);
    }
    return;
  }
  for (const index of inChunks(indices)) await block(nodes, index);
}

/** As `setWriteBlock`, of indices that the block API may refuse. */
export async function blockBackingIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) await blockBySetting(nodes, index);
}

/** Elasticsearch refuses other calls about a follower with `read_only`, but not this one. */
export async function liftFollowerBlocks(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const none = { "index.blocks.write": null, "index.blocks.read_only": null };
    await changeSettings(nodes, index, none, `lift the blocks of ${listNames(index)}`);
  }
}

/** The block API returns once no write is in flight, which changing the setting does not guarantee. */
async function block(nodes: RegionNodes, index: string[]): Promise<void> {
  const what = `block writes to ${listNames(index)}`;
  const answer = await nodes.change(what, (client, options) =>
    client.indices.addBlock({ index, block: "write", ...ackTimeouts(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
  const open = answer.indices.filter((each) => !each.blocked).map((each) => each.name);
  if (!answer.shards_acknowledged || open.length > 0) {
    throw rejected(
      nodes,
      what,
      `writes may still be in flight to ${open.length > 0 ? listNames(open) : "some shards"}`,
    );
  }
}

const POLL_MS = 50;

/**
 * The block API refuses write indices of data streams, but the setting may be changed: once every node has it, no new write
 * begins, and those in flight are waited for by their tasks. Which of a stream's indices is the write index is not asked: a
 * switchover's writers would wait for it.
 */
async function blockBySetting(nodes: RegionNodes, index: string[]): Promise<void> {
  const what = `block writes to ${listNames(index)}`;
  await changeSettings(nodes, index, { "index.blocks.write": true }, what);
  const endsMs = performance.now() + nodes.requestTimeoutMs;
  for (;;) {
    const written = await indicesWrittenTo(nodes, what, index);
    if (written.length === 0) return;
    if (performance.now() >= endsMs) throw rejected(nodes, what, `writes are still in flight to ${listNames(written)}`);
    await delay(POLL_MS);
  }
}

/** Those of the indices a shard of which carries out a write now: its task has the name `[index][shard]` in its description. */
async function indicesWrittenTo(
  nodes: RegionNodes,
  what: string,
  index: readonly string[],
): Promise<readonly string[]> {
  const { tasks, node_failures: failures = [] } = await nodes.read("read the writes in flight", (client, options) =>
    client.tasks.list({ actions: "indices:data/write/*", detailed: true, group_by: "none" }, options),
  );
  if (failures.length > 0) throw rejected(nodes, what, "not every node tells which writes are in flight");
  const descriptions = Object.values(tasks ?? {}).map(({ description }) => String(description));
  return index.filter((name) => descriptions.some((description) => description.includes(`[${name}][`)));
}
