import type { estypes } from "@elastic/elasticsearch";
import { ClusterError } from "../../core/ports/cluster.ts";
import { ackTimeouts, assertAcknowledged } from "./acknowledgement.ts";
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
