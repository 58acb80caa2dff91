import type { estypes } from "@elastic/elasticsearch";
import type { AliasMembership, IndexState } from "../../core/state/cluster.ts";
import { isManaged, isOfFailureStore, type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import { perAnswer } from "../../util/unchanged.ts";
import { type IncompleteIndex, readMissingPrimaries } from "./first-copies.ts";
import { type IndicesHealth, readIndicesHealth } from "./index-health.ts";
import { type IndexPlace, readPlaces } from "./index-places.ts";
import type { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";

/** Attempts at allocating a shard, unless the index has a setting of its own. */
const MAX_ATTEMPTS = 5;

/** Those that are used here: a third of what an index has. */
const SETTINGS = [
  "index.uuid",
  "index.creation_date",
  "index.blocks.write",
  "index.blocks.read_only",
  "index.xpack.ccr.following_index",
  "index.lifecycle.indexing_complete",
  "index.allocation.max_retries",
  "index.store.type",
] as const;
type Setting = (typeof SETTINGS)[number];

/**
 * Managed indices, open and closed, as three calls describe them; one deleted between the calls is left out. More is asked
 * only about followers without all primaries.
 */
export async function readIndices(nodes: RegionNodes, managed: ManagedPatterns): Promise<readonly IndexState[]> {
  const target = requestTarget(managed);
  const everything = { expand_wildcards: "all", ignore_unavailable: true, allow_no_indices: true } as const;
  const [described, places, health] = await Promise.all([
    nodes.read("read indices", (client, options) =>
      client.indices.get(
        {
          index: target,
          features: ["aliases", "settings"],
          flat_settings: true,
          filter_path: ["*.aliases", ...SETTINGS.map((name) => `*.settings.${name.replaceAll(".", "\\.")}`)],
          ...everything,
        },
        options,
      ),
    ),
    readPlaces(nodes, target),
    nodes.read("read health of indices", (client, options) =>
      readIndicesHealth(client, options, { index: target, masterTimeoutMs: nodes.requestTimeoutMs }),
    ),
  ]);
  const { states, incomplete } = statesOf(described, places, health.indices, managed);
  if (incomplete.length === 0) return states;
  const missing = await readMissingPrimaries(nodes, incomplete);
  return states.map((state) => ({ ...state, ...missing.get(state.name) }));
}

interface States {
  /** By name; those of `incomplete` lack why. */
  readonly states: readonly IndexState[];
  readonly incomplete: readonly IncompleteIndex[];
}

const statesOf = perAnswer(toStates);

function toStates(
  described: estypes.IndicesGetResponse,
  places: ReadonlyMap<string, IndexPlace>,
  health: IndicesHealth["indices"],
  managed: ManagedPatterns,
): States {
  const states: IndexState[] = [];
  const incomplete: IncompleteIndex[] = [];
  for (const [name, { aliases, settings }] of Object.entries(described)) {
    const place = places.get(name);
    const shards = health[name];
    if (place === undefined || shards === undefined || isOfFailureStore(name)) continue;
    if (!isManaged(managed, place.dataStream ?? name)) continue;
    const settingOf = (name: Setting) => property(settings, name);
    const isSet = (name: Setting): boolean => String(settingOf(name)) === "true";
    const following = isSet("index.xpack.ccr.following_index");
    const primaries = shards.number_of_shards;
    if (following && shards.active_primary_shards < primaries) {
      const maxAttempts = Number(settingOf("index.allocation.max_retries") ?? MAX_ATTEMPTS);
      incomplete.push({ name, primaries, maxAttempts });
    }
    states.push({
      name,
      uuid: String(settingOf("index.uuid")),
      createdAtMs: Number(settingOf("index.creation_date")),
      open: place.open,
      primaries,
      primariesActive: shards.active_primary_shards,
      aliases: membershipsOf(aliases),
      dataStream: place.dataStream,
      writeBlocked: isSet("index.blocks.write") || isSet("index.blocks.read_only"),
      following,
      firstCopy: null,
      noCopy: false,
      indexingComplete: isSet("index.lifecycle.indexing_complete"),
      searchableSnapshot: isSearchableSnapshot(settings),
    });
  }
  return { states: states.sort((a, b) => (a.name < b.name ? -1 : 1)), incomplete };
}

export const isSearchableSnapshot = (settings: unknown): boolean =>
  property(settings, "index.store.type") === "snapshot";

function membershipsOf(
  aliases: Readonly<Record<string, { is_write_index?: boolean }>> | undefined,
): readonly AliasMembership[] {
  return Object.entries(aliases ?? {}).map(([alias, { is_write_index }]) => ({
    alias,
    isWriteIndex: is_write_index === true,
  }));
}
