import type { estypes } from "@elastic/elasticsearch";
import { ClusterError } from "../../core/ports/cluster.ts";
import type { DataStreamState } from "../../core/state/cluster.ts";
import { isManaged, type ManagedPatterns } from "../../core/state/patterns.ts";
import { ackTimeouts, assertAcknowledged, masterTimeout } from "./acknowledgement.ts";
import { isMissingModule } from "./errors.ts";
import type { RegionNodes } from "./nodes.ts";

/**
 * Makes `index` the only write index of `alias`, in one atomic change. Adding an alias again replaces its filter and
 * routing, so the present ones are carried over; an index without the alias gets it without either.
 */
export async function setWriteIndex(nodes: RegionNodes, alias: string, index: string): Promise<void> {
  const what = `make ${index} the write index of ${alias}`;
  const members = await nodes
    .read(`read alias ${alias}`, (client, options) =>
      client.indices.getAlias({ name: alias, expand_wildcards: "all" }, options),
    )
    .catch((error: unknown): estypes.IndicesGetAliasResponse => {
      if (error instanceof ClusterError && error.kind === "not-found") return {};
      throw error;
    });
  const definitionOf = (member: string): Record<string, unknown> => {
    const { is_write_index: _, ...definition } = members[member]?.aliases[alias] ?? {};
    return definition;
  };
  const formerWriteIndices = Object.keys(members).filter(
    (member) => member !== index && members[member]?.aliases[alias]?.is_write_index === true,
  );
  const answer = await nodes.change(what, (client, options) =>
    client.indices.updateAliases(
      {
        actions: [
          ...formerWriteIndices.map((member) => ({
            add: { ...definitionOf(member), index: member, alias, is_write_index: false },
          })),
          { add: { ...definitionOf(index), index, alias, is_write_index: true } },
        ],
        ...ackTimeouts(nodes),
      },
      options,
    ),
  );
  assertAcknowledged(nodes, what, answer);
}

/** Managed data streams; none on a cluster without the module. */
export async function readDataStreams(
  nodes: RegionNodes,
  managed: ManagedPatterns,
): Promise<readonly DataStreamState[]> {
  try {
    const { data_streams } = await nodes.read("read data streams", (client, options) =>
      client.indices.getDataStream({ name: "*", expand_wildcards: "all" }, options),
    );
    return data_streams
      .filter(({ name }) => isManaged(managed, name))
      .map(({ name, indices, replicated }) => {
        const writeIndex = indices.at(-1)?.index_name;
        if (writeIndex === undefined) {
          throw new ClusterError(nodes.region, "rejected", `${nodes.region}: data stream ${name} has no backing index`);
        }
        return { name, writeIndex, replicated: replicated === true };
      });
  } catch (error) {
    if (isMissingModule(error)) return [];
    throw error;
  }
}

/** Converts a replicated data stream to one that this cluster may roll over. Its backing indices stay as they are. */
export async function promoteDataStream(nodes: RegionNodes, name: string): Promise<void> {
  await nodes.change(`promote data stream ${name}`, (client, options) =>
    client.indices.promoteDataStream({ name, ...masterTimeout(nodes) }, options),
  );
}

/** Creates a write index of this cluster's own for the stream. Needs a matching index template here. */
export async function rolloverDataStream(nodes: RegionNodes, name: string): Promise<void> {
  const what = `roll over data stream ${name}`;
  const answer = await nodes.change(what, (client, options) =>
    client.indices.rollover({ alias: name, wait_for_active_shards: 1, ...ackTimeouts(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}
