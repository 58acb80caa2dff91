import { ClusterError } from "../../core/ports/cluster.ts";
import type { DataStreamState } from "../../core/state/cluster.ts";
import { ackTimeouts, assertAcknowledged, masterTimeout } from "./acknowledgement.ts";
import { isMissingModule } from "./errors.ts";
import type { RegionNodes } from "./nodes.ts";

/** All data streams of the region; none on a cluster without the module. */
export async function readDataStreams(nodes: RegionNodes): Promise<readonly DataStreamState[]> {
  try {
    const { data_streams } = await nodes.read("read data streams", (client, options) =>
      client.indices.getDataStream({ name: "*", expand_wildcards: "all" }, options),
    );
    return data_streams.map(({ name, indices, replicated, template, failure_store: failureStore }) => {
      const backing = indices.map(({ index_name, index_uuid }) => ({ name: index_name, uuid: index_uuid }));
      const writeIndex = backing.at(-1)?.name;
      if (writeIndex === undefined) {
        throw new ClusterError(nodes.region, "rejected", `${nodes.region}: data stream ${name} has no backing index`);
      }
      return {
        name,
        indices: backing,
        writeIndex,
        replicated: replicated === true,
        hasTemplate: (template ?? "") !== "",
        failureIndices: (failureStore?.indices ?? []).map(({ index_name }) => index_name),
      };
    });
  } catch (error) {
    if (isMissingModule(error)) return [];
    throw error;
  }
}

/** Converts a replicated data stream to one that this cluster may roll over. Its backing indices stay as they are. */
export async function promoteDataStream(nodes: RegionNodes, name: string): Promise<void> {
  const what = `promote data stream ${name}`;
  const answer = await nodes.change(what, (client, options) =>
    client.indices.promoteDataStream({ name, ...masterTimeout(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}

/** Creates a write index of this cluster's own for the stream. Needs a matching index template here. */
export async function rolloverDataStream(nodes: RegionNodes, name: string): Promise<void> {
  const what = `roll over data stream ${name}`;
  const answer = await nodes.change(what, (client, options) =>
    client.indices.rollover({ alias: name, wait_for_active_shards: 1, ...ackTimeouts(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}

/** Deletes the stream with all its backing indices. */
export async function deleteDataStream(nodes: RegionNodes, name: string): Promise<void> {
  const what = `delete data stream ${name}`;
  const answer = await nodes.change(what, (client, options) =>
    client.indices.deleteDataStream({ name, expand_wildcards: "none", ...masterTimeout(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}
