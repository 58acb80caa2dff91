import { z } from "zod";

/** What the routing table tells about the primaries of indices, as far as it is asked for here. */

export const routingSchema = z.object({
  routing_table: z
    .object({
      indices: z
        .record(
          z.string(),
          z.object({
            shards: z.record(
              z.string(),
              z.array(
                z.object({
                  primary: z.boolean(),
                  state: z.string(),
                  recovery_source: z.object({ type: z.string(), repository: z.string().optional() }).optional(),
                  unassigned_info: z
                    .object({
                      failed_attempts: z.number().default(0),
                      allocation_status: z.string().optional(),
                      details: z.string().optional(),
                    })
                    .optional(),
                }),
              ),
            ),
          }),
        )
        .default({}),
    })
    .default({ indices: {} }),
});

const SHARD = "routing_table.indices.*.shards.*";
/** `filter_path` of where copies are and whether they have started. */
export const routingStates = [`${SHARD}.primary`, `${SHARD}.state`];
/** `filter_path` of the fields that `areWaitingForFirstCopy` needs. */
export const routingFields = [...routingStates, `${SHARD}.recovery_source`];
/** `filter_path` of why a primary is missing; `details` may be a stack trace of 10 KiB per shard. */
export const routingCauses = ["failed_attempts", "allocation_status", "details"].map(
  (field) => `${SHARD}.unassigned_info.${field}`,
);

type Shards = z.output<typeof routingSchema>["routing_table"]["indices"][string]["shards"];
/** A copy of a shard. */
export type ShardCopy = Shards[string][number];

/** The primaries that are not there, by index. */
export function missingPrimaries(answer: unknown): ReadonlyMap<string, readonly ShardCopy[]> {
  const { indices } = routingSchema.parse(answer).routing_table;
  return new Map(
    Object.entries(indices).map(([index, { shards }]) => [
      index,
      Object.values(shards)
        .flat()
        .filter(({ primary, state }) => primary && (state === "UNASSIGNED" || state === "INITIALIZING")),
    ]),
  );
}

/** CCR copies a leader as a restore from a repository that it names after the remote cluster. */
const CCR_REPOSITORY = /^_ccr_/;

/** Whether primaries are missing, and all of them for want of their first copy from a leader. */
export const areWaitingForFirstCopy = (missing: readonly ShardCopy[]): boolean =>
  missing.length > 0 &&
  missing.every(
    ({ recovery_source: source }) => source?.type === "SNAPSHOT" && CCR_REPOSITORY.test(source.repository ?? ""),
  );
