import { isDeepStrictEqual } from "node:util";
import type { Finding, StackRule, StackView } from "../model.ts";

export const versionsArePinned: StackRule = {
  id: "versions-are-pinned",
  purpose: "Elasticsearch's version is exact, and all stacks are configured with the same versions.",
  check: ({ declared }, { versions: others = {} }) => {
    if (declared === null) return [];
    const { versions, site } = declared;
    const differing = Object.entries(others).filter(
      ([name, theirs]) => name !== site && !isDeepStrictEqual(theirs, versions),
    );
    return [
      ...(/^\d+\.\d+\.\d+$/.test(versions.elasticsearch)
        ? []
        : [{ message: `Elasticsearch's version is "${versions.elasticsearch}": write an exact one, such as 9.5.3.` }]),
      ...differing.map(([name, theirs]) => ({
        message:
          `${site} is configured with Elasticsearch ${versions.elasticsearch} and ${versions.image}, ${name} with ` +
          `${theirs.elasticsearch} and ${theirs.image}: a follower's cluster may not be older than its leader's, and either region ` +
          "may lead. Set es-failover:elasticsearch and es-failover:image in Pulumi.yaml, not in a stack.",
      })),
    ];
  },
};

/** "b3-16": OVHcloud's flavors are named by their memory. */
const flavorName = /^[a-z]+\d*-(\d+)(?:-flex)?$/;

const gb = { m: 1 / 1024, g: 1 } as const;
/** Elastic's recommendation: the rest is for the file cache and off-heap memory. */
const largestShare = 0.5;
/** Above it Java cannot compress its pointers. */
const largestHeapGb = 31;
/** With less memory Elasticsearch sizes itself a heap below 1 GB, too small for a node that holds followers. */
const leastMemoryGb = 4;

export const heapFitsFlavor: StackRule = {
  id: "heap-fits-flavor",
  purpose: "Elasticsearch's heap takes at most half of the memory of its flavor.",
  check: (stack) => heapFindings(stack),
};

function heapFindings({ declared }: StackView): readonly Finding[] {
  if (declared === null) return [];
  const flavor = declared.flavors.elasticsearch;
  const memoryGb = Number(flavorName.exec(flavor)?.[1]);
  if (Number.isNaN(memoryGb)) return [];
  const [, amount, unit] = /^(\d+)([mg])$/.exec(declared.heap ?? "") ?? [];
  if (amount === undefined) {
    if (memoryGb >= leastMemoryGb) return [];
    const message =
      `The flavor ${flavor} has ${memoryGb} GB of memory: an Elasticsearch node needs ${leastMemoryGb} GB at least. Choose a larger ` +
      "es-failover:flavors.elasticsearch.";
    return [{ message }];
  }
  const heapGb = Number(amount) * (unit === "m" ? gb.m : gb.g);
  const most = Math.min(memoryGb * largestShare, largestHeapGb);
  if (heapGb <= most) return [];
  return [
    {
      message:
        `Elasticsearch's heap of ${declared.heap} does not fit the flavor ${flavor} with ${memoryGb} GB: it may be ${most} GB at most. ` +
        "Lower es-failover:elasticsearch.heap, leave it out, or choose a larger flavor.",
    },
  ];
}
