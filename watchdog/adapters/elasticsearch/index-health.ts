import type { Client } from "@elastic/elasticsearch";
import { z } from "zod";
import { perAnswer } from "../../util/unchanged.ts";
import { isUnlicensed } from "./errors.ts";
import { routingSchema, routingStates, type ShardCopy } from "./missing-primaries.ts";
import type { CallOptions } from "./nodes.ts";

/** Health of one index, in the words of `_cluster/health?level=indices`. */
export interface IndexHealth {
  readonly status: "green" | "yellow" | "red";
  readonly number_of_shards: number;
  readonly active_primary_shards: number;
}

export interface IndicesHealth {
  readonly indices: Readonly<Record<string, IndexHealth>>;
  /** Whether the cluster refused its health for lack of a licence, so that its routing table was read instead. */
  readonly licenceLapsed: boolean;
}

export interface HealthTarget {
  readonly index: string[];
  readonly masterTimeoutMs: number;
}

/**
 * The health of indices, by the elected master. Once a licence has lapsed Elasticsearch refuses `cluster:monitor/health*`,
 * `cluster:monitor/stats*`, `indices:monitor/stats*` and `cluster:monitor/nodes/stats*`, but not its cluster state, reads
 * and writes (`SecurityActionFilter`).
 */
export async function readIndicesHealth(
  client: Client,
  options: CallOptions,
  target: HealthTarget,
): Promise<IndicesHealth> {
  try {
    const { indices = {} } = await client.cluster.health(
      {
        index: target.index,
        level: "indices",
        expand_wildcards: "all",
        master_timeout: `${target.masterTimeoutMs}ms`,
        filter_path: ["timed_out", "indices.*.status", "indices.*.number_of_shards", "indices.*.active_primary_shards"],
      },
      options,
    );
    return { indices: parsedHealth(indices), licenceLapsed: false };
  } catch (error) {
    if (!isUnlicensed(error)) throw error;
    return { indices: await healthByRouting(client, options, target), licenceLapsed: true };
  }
}

const healthSchema = z.record(
  z.string(),
  z.object({
    status: z
      .string()
      .toLowerCase()
      .pipe(z.enum(["green", "yellow", "red"])),
    number_of_shards: z.number(),
    active_primary_shards: z.number(),
  }),
);

const parsedHealth = perAnswer((indices: object): IndicesHealth["indices"] => healthSchema.parse(indices));

const ACTIVE: ReadonlySet<string> = new Set(["STARTED", "RELOCATING"]);

async function healthByRouting(
  client: Client,
  options: CallOptions,
  { index, masterTimeoutMs }: HealthTarget,
): Promise<IndicesHealth["indices"]> {
  const state = await client.cluster.state(
    {
      metric: "routing_table",
      index,
      expand_wildcards: "all",
      ignore_unavailable: true,
      allow_no_indices: true,
      master_timeout: `${masterTimeoutMs}ms`,
      filter_path: routingStates,
    },
    options,
  );
  const { indices } = routingSchema.parse(state).routing_table;
  return Object.fromEntries(
    Object.entries(indices).map(([name, { shards }]) => [name, healthOf(Object.values(shards))]),
  );
}

/** As Elasticsearch judges it: red without a primary, yellow without a replica. */
function healthOf(shards: readonly (readonly ShardCopy[])[]): IndexHealth {
  const active = ({ state }: { readonly state: string }) => ACTIVE.has(state);
  const primaries = shards.filter((copies) => copies.some((copy) => copy.primary && active(copy))).length;
  const complete = shards.every((copies) => copies.every(active));
  return {
    status: primaries < shards.length ? "red" : complete ? "green" : "yellow",
    number_of_shards: shards.length,
    active_primary_shards: primaries,
  };
}
