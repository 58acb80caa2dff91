import { text } from "../protocol/inputs.ts";
import { checksumOf, ready, serviceNameOf } from "./common.ts";
import type { RecordedKind } from "./recorded-type.ts";
import type { InstanceGroup } from "./state.ts";

const policies = ["AFFINITY", "ANTI_AFFINITY"];

export const instanceGroupKind: RecordedKind<InstanceGroup> = {
  updatable: false,
  importParts: ["service_name", "instance_group_id"],
  table: (state) => state.instanceGroups,
  violations: ({ policy }) =>
    typeof policy === "string" && !policies.includes(policy)
      ? [{ property: "policy", reason: `must be one of ${policies.join(", ")}` }]
      : [],
  make: (inputs, _state, identity) => ({
    ...identity,
    serviceName: serviceNameOf(inputs),
    region: text(inputs, "region"),
    name: text(inputs, "name"),
    policy: text(inputs, "policy"),
  }),
  inputs: ({ name, policy, region, serviceName }) => ({ name, policy, region, serviceName }),
  outputs: (group, { instances }) => {
    const { id, name, policy, region, createdAt } = group;
    const members = Object.values(instances).filter(({ groupId }) => groupId === id);
    const location = { region, availabilityZone: "nova" };
    const currentState = { name, policy, location, members: members.map((member) => ({ id: member.id })) };
    return { ...ready, checksum: checksumOf(instanceGroupKind.inputs(group)), createdAt, currentState };
  },
};
