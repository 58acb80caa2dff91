import { ackTimeouts, assertAcknowledged, rejected } from "./acknowledgement.ts";
import { inChunks, listNames } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";

export async function closeIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `close ${listNames(index)}`;
    const answer = await nodes.change(what, (client, options) =>
      // The shards restart as closed ones, which need not be awaited here.
      client.indices.close({ index, wait_for_active_shards: 0, ...ackTimeouts(nodes) }, options),
    );
    assertAcknowledged(nodes, what, answer);
  }
}

/** Returns once every shard's primary has started, so that the next write finds it. */
export async function openIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `open ${listNames(index)}`;
    const answer = await nodes.change(what, (client, options) =>
      client.indices.open({ index, wait_for_active_shards: 1, ...ackTimeouts(nodes) }, options),
    );
    assertAcknowledged(nodes, what, answer);
    if (!answer.shards_acknowledged) throw rejected(nodes, what, "not every primary started in time");
  }
}

export async function setWriteBlock(nodes: RegionNodes, indices: readonly string[], blocked: boolean): Promise<void> {
  for (const index of inChunks(indices)) await (blocked ? block(nodes, index) : unblock(nodes, index));
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
    const where = open.length > 0 ? listNames(open) : "some shards";
    throw rejected(nodes, what, `writes may still be in flight to ${where}`);
  }
}

/** By the setting: the API that removes a block needs 9.1, and older versions are supported. */
async function unblock(nodes: RegionNodes, index: string[]): Promise<void> {
  const what = `unblock writes to ${listNames(index)}`;
  const settings: Record<string, unknown> = { "index.blocks.write": null };
  const answer = await nodes.change(what, (client, options) =>
    client.indices.putSettings({ index, settings, ...ackTimeouts(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}

/** By the setting: other calls about a follower with `read_only` are refused, this one is not. */
export async function liftFollowerBlocks(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `lift the blocks of ${listNames(index)}`;
    const settings: Record<string, unknown> = { "index.blocks.write": null, "index.blocks.read_only": null };
    const answer = await nodes.change(what, (client, options) =>
      client.indices.putSettings({ index, settings, ...ackTimeouts(nodes) }, options),
    );
    assertAcknowledged(nodes, what, answer);
  }
}

/** UUIDs of those of the indices that exist, open or closed. */
export async function readUuids(nodes: RegionNodes, indices: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const index of inChunks(indices)) {
    const answer = await nodes.read(`read the UUIDs of ${listNames(index)}`, (client, options) =>
      client.indices.getSettings(
        { index, name: "index.uuid", flat_settings: true, ignore_unavailable: true, expand_wildcards: "none" },
        options,
      ),
    );
    for (const [name, { settings }] of Object.entries(answer))
      found.set(name, String(property(settings, "index.uuid")));
  }
  return found;
}

export async function deleteIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `delete ${listNames(index)}`;
    const answer = await nodes.change(what, (client, options) =>
      client.indices.delete({ index, expand_wildcards: "none", ...ackTimeouts(nodes) }, options),
    );
    assertAcknowledged(nodes, what, answer);
  }
}
