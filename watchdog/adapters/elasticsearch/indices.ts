import { ClusterError } from "../../core/ports/cluster.ts";
import type { AliasMembership, IndexState, ShardCheckpoint } from "../../core/state/cluster.ts";
import { isManaged, type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import type { RegionNodes } from "./nodes.ts";

/**
 * Elasticsearch refuses a request line above 4 096 bytes (http.max_initial_line_length), so long lists of names go out
 * in several requests.
 */
const NAMES_BYTES_MAX = 3_000;

/** Managed indices, open and closed, as three calls describe them; one deleted between the calls is left out. */
export async function readIndices(nodes: RegionNodes, managed: ManagedPatterns): Promise<readonly IndexState[]> {
  const target = requestTarget(managed);
  const everything = { expand_wildcards: "all", ignore_unavailable: true, allow_no_indices: true } as const;
  const [described, resolved, health] = await Promise.all([
    nodes.read("read indices", (client, options) =>
      client.indices.get(
        { index: target, features: ["aliases", "settings"], flat_settings: true, ...everything },
        options,
      ),
    ),
    nodes.read("read which indices are open", (client, options) =>
      client.indices.resolveIndex({ name: target, ...everything }, options),
    ),
    nodes.read("read health of indices", (client, options) =>
      client.cluster.health(
        { index: target, level: "indices", expand_wildcards: "all", filter_path: ["indices.*.*shards"] },
        options,
      ),
    ),
  ]);
  const resolvedByName = new Map(resolved.indices.map((index) => [index.name, index]));
  const states: IndexState[] = [];
  for (const [name, { aliases, settings }] of Object.entries(described)) {
    const place = resolvedByName.get(name);
    const shards = health.indices?.[name];
    if (place === undefined || shards === undefined || !isManaged(managed, place.data_stream ?? name)) continue;
    const setting = (key: string): unknown => (settings as Readonly<Record<string, unknown>> | undefined)?.[key];
    states.push({
      name,
      uuid: String(setting("index.uuid")),
      open: place.attributes.includes("open"),
      primaries: shards.number_of_shards,
      primariesActive: shards.active_primary_shards,
      aliases: membershipsOf(aliases),
      dataStream: place.data_stream ?? null,
      writeBlocked: ["index.blocks.write", "index.blocks.read_only"].some((block) => String(setting(block)) === "true"),
      following: String(setting("index.xpack.ccr.following_index")) === "true",
    });
  }
  return states.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function membershipsOf(
  aliases: Readonly<Record<string, { is_write_index?: boolean }>> | undefined,
): readonly AliasMembership[] {
  return Object.entries(aliases ?? {}).map(([alias, { is_write_index }]) => ({
    alias,
    isWriteIndex: is_write_index === true,
  }));
}

/** Checkpoints of the primaries, of closed indices too. A shard without an active primary is left out. */
export async function readCheckpoints(
  nodes: RegionNodes,
  indices: readonly string[],
): Promise<readonly ShardCheckpoint[]> {
  const checkpoints: ShardCheckpoint[] = [];
  for (const index of inChunks(indices)) {
    const stats = await nodes.read(`read checkpoints of ${list(index)}`, (client, options) =>
      client.indices.stats(
        {
          index,
          metric: "docs",
          level: "shards",
          forbid_closed_indices: false,
          filter_path: ["indices.*.shards.*.routing", "indices.*.shards.*.seq_no"],
        },
        options,
      ),
    );
    for (const [name, { shards }] of Object.entries(stats.indices ?? {})) {
      for (const [shard, copies] of Object.entries(shards ?? {})) {
        const primary = copies.find(({ routing, seq_no }) => routing?.primary === true && seq_no !== undefined);
        if (primary?.seq_no === undefined) continue;
        const { global_checkpoint: globalCheckpoint, max_seq_no: maxSeqNo } = primary.seq_no;
        checkpoints.push({ index: name, shard: Number(shard), globalCheckpoint, maxSeqNo });
      }
    }
  }
  return checkpoints.sort((a, b) => (a.index === b.index ? a.shard - b.shard : a.index < b.index ? -1 : 1));
}

export async function closeIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `close ${list(index)}`;
    acknowledged(
      nodes,
      what,
      await nodes.change(what, (client, options) =>
        // The shards of a closed index start again as closed ones; nobody needs to wait for that here.
        client.indices.close({ index, wait_for_active_shards: 0, ...ackTimeouts(nodes) }, options),
      ),
    );
  }
}

/** Returns once every shard's primary has started, so that the next write finds it. */
export async function openIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `open ${list(index)}`;
    const answer = await nodes.change(what, (client, options) =>
      client.indices.open({ index, wait_for_active_shards: 1, ...ackTimeouts(nodes) }, options),
    );
    acknowledged(nodes, what, answer);
    if (!answer.shards_acknowledged) throw rejected(nodes, what, "not every primary started in time");
  }
}

/**
 * The block API returns once no write is in flight any more, which a mere change of the setting does not promise.
 * Taking the block off is that setting: the API for it is younger than the versions supported here (9.1).
 */
export async function setWriteBlock(nodes: RegionNodes, indices: readonly string[], blocked: boolean): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `${blocked ? "block" : "unblock"} writes to ${list(index)}`;
    if (!blocked) {
      acknowledged(
        nodes,
        what,
        await nodes.change(what, (client, options) =>
          client.indices.putSettings(
            { index, settings: { "index.blocks.write": null } as Record<string, unknown>, ...ackTimeouts(nodes) },
            options,
          ),
        ),
      );
      continue;
    }
    const answer = await nodes.change(what, (client, options) =>
      client.indices.addBlock({ index, block: "write", ...ackTimeouts(nodes) }, options),
    );
    acknowledged(nodes, what, answer);
    const open = answer.indices.filter((each) => !each.blocked).map((each) => each.name);
    if (!answer.shards_acknowledged || open.length > 0) {
      throw rejected(nodes, what, `writes may still be in flight to ${open.length > 0 ? list(open) : "some shards"}`);
    }
  }
}

export async function deleteIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `delete ${list(index)}`;
    acknowledged(
      nodes,
      what,
      await nodes.change(what, (client, options) =>
        client.indices.delete({ index, expand_wildcards: "none", ...ackTimeouts(nodes) }, options),
      ),
    );
  }
}

/**
 * Proves that an index accepts writes and leaves no document: deletes an id that does not exist, which takes the whole
 * write path and adds only a tombstone.
 */
export async function probeWrite(nodes: RegionNodes, index: string): Promise<void> {
  const what = `probe write to ${index}`;
  const attempt = (routing?: string): Promise<unknown> =>
    nodes.change(what, (client, options) =>
      client.delete(
        {
          index,
          id: "es-failover-write-probe",
          ...(routing === undefined ? {} : { routing }),
          timeout: `${nodes.requestTimeoutMs}ms`,
        },
        // 404 with `result: not_found` is how a successful delete of nothing reads; a missing index is not ignored.
        { ...options, meta: false },
      ),
    );
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    if (error.kind === "not-found" && !/no such index/.test(error.message)) return;
    if (!/routing is required/.test(error.message)) throw error;
    await attempt("es-failover").catch((second: unknown) => {
      if (second instanceof ClusterError && second.kind === "not-found") return;
      throw second;
    });
  }
}

/** How long the cluster may collect acknowledgements: it gives up before we do, so that its own reason reaches us. */
export function ackTimeouts(nodes: RegionNodes): { readonly timeout: string; readonly master_timeout: string } {
  const milliseconds = `${Math.max(100, Math.floor(nodes.requestTimeoutMs * 0.8))}ms`;
  return { timeout: milliseconds, master_timeout: milliseconds };
}

export function acknowledged(nodes: RegionNodes, what: string, answer: { acknowledged?: boolean }): void {
  if (answer.acknowledged !== true) throw rejected(nodes, what, "not every node acknowledged the change in time");
}

function rejected(nodes: RegionNodes, what: string, reason: string): ClusterError {
  return new ClusterError(nodes.region, "rejected", `${nodes.region}: ${what}: ${reason}`);
}

/** Names for a message: all of a few, the first ones of many. */
function list(indices: readonly string[]): string {
  const shown = indices.slice(0, 3).join(", ");
  return indices.length > 3 ? `${shown} and ${indices.length - 3} more` : shown;
}

export function inChunks(indices: readonly string[]): readonly string[][] {
  const chunks: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const index of indices) {
    // A comma arrives as %2C.
    const cost = encodeURIComponent(index).length + 3;
    if (bytes + cost > NAMES_BYTES_MAX) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(index);
    bytes += cost;
  }
  return chunks;
}
