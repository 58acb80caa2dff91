import { maps, number, optionalNumber, optionalText, text } from "../protocol/inputs.ts";
import { isMap, type PropertyMap, type PropertyValue } from "../protocol/values.ts";
import type { InstanceGroup, SecurityGroup, SecurityRule, SshKey, Volume } from "./cloud.ts";
import { ruleProblems } from "./firewall.ts";
import { checksumOf, present, type RecordedKind, serviceNameOf } from "./recorded.ts";

const ready = { resourceStatus: "READY" } as const;

/** A record as a property value. Records hold nothing but JSON. */
export function asProperties(value: object): PropertyMap {
  const copy = JSON.parse(JSON.stringify(value)) as PropertyValue;
  return isMap(copy) ? copy : {};
}

export const sshKeyKind: RecordedKind<SshKey> = {
  updatable: false,
  table: (state) => state.sshKeys,
  // OVHcloud identifies SSH keys by their name within the project.
  newId: (inputs) => text(inputs, "name"),
  problems: ({ publicKey }) =>
    typeof publicKey === "string" && !/^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+/.test(publicKey)
      ? [{ property: "publicKey", reason: "is no SSH public key such as a line of ~/.ssh/id_ed25519.pub" }]
      : [],
  make: (inputs, state, identity) => {
    if (state.sshKeys[identity.id] !== undefined) throw new Error(`There is an SSH key named ${identity.id} already`);
    const publicKey = text(inputs, "publicKey");
    return { ...identity, serviceName: serviceNameOf(inputs), name: text(inputs, "name"), publicKey };
  },
  inputs: ({ name, publicKey, serviceName }) => ({ name, publicKey, serviceName }),
  outputs: ({ createdAt, updatedAt, serviceName }) => ({ createdAt, updatedAt, serviceName }),
};

export const securityGroupKind: RecordedKind<SecurityGroup> = {
  updatable: true,
  table: (state) => state.securityGroups,
  problems: ({ rules }) => ruleProblems(rules),
  make: (inputs, state, identity) => {
    const serviceName = serviceNameOf(inputs);
    const region = text(inputs, "region");
    const rules = maps(inputs, "rules").map(securityRule);
    const seen = new Set<string>();
    for (const { description: _, ...rule } of rules) {
      const group = rule.remoteGroupId === undefined ? undefined : state.securityGroups[rule.remoteGroupId];
      const isSelf = rule.remoteGroupId === identity.id;
      if (
        rule.remoteGroupId !== undefined &&
        !isSelf &&
        (group?.region !== region || group.serviceName !== serviceName)
      ) {
        throw new Error(`A rule names the security group ${rule.remoteGroupId}, which does not exist in ${region}`);
      }
      const key = JSON.stringify(rule);
      if (seen.has(key)) throw new Error(`The same rule stands twice in the group: ${key}`);
      seen.add(key);
    }
    const description = optionalText(inputs, "description");
    return { ...identity, serviceName, region, name: text(inputs, "name"), ...present({ description }), rules };
  },
  inputs: ({ name, region, serviceName, description, rules }) =>
    asProperties({ name, region, serviceName, description, rules }),
  outputs: (group) => {
    const { id, name, region, description, rules } = group;
    const described = rules.map((rule, index) => ({ ...emptyRule, ...rule, id: `${id}-${index}` }));
    const defaultRules = ["IPV4", "IPV6"].map((ethernetType) => ({
      ...emptyRule,
      id: `${id}-egress-${ethernetType}`,
      direction: "EGRESS",
      ethernetType,
    }));
    const currentState = { name, description: description ?? "", location: { region }, rules: described, defaultRules };
    return asProperties({ ...ready, ...timesAndChecksum(group, securityGroupKind.inputs(group)), currentState });
  },
  refuseDeletion: ({ id, name }, { instances }) => {
    const user = Object.values(instances).find(({ securityGroupIds }) => securityGroupIds?.includes(id));
    if (user !== undefined) throw new Error(`The security group ${name} is in use by the instance ${user.name}`);
  },
};

const emptyRule = {
  description: "",
  protocol: null,
  portRangeMin: null,
  portRangeMax: null,
  remoteIpPrefix: null,
  remoteGroupId: null,
};

function securityRule(rule: PropertyMap): SecurityRule {
  const optional = {
    protocol: optionalText(rule, "protocol"),
    portRangeMin: optionalNumber(rule, "portRangeMin"),
    portRangeMax: optionalNumber(rule, "portRangeMax"),
    remoteIpPrefix: optionalText(rule, "remoteIpPrefix"),
    remoteGroupId: optionalText(rule, "remoteGroupId"),
    description: optionalText(rule, "description"),
  };
  return { direction: text(rule, "direction"), ethernetType: text(rule, "ethernetType"), ...present(optional) };
}

const policies = ["AFFINITY", "ANTI_AFFINITY"];

export const instanceGroupKind: RecordedKind<InstanceGroup> = {
  updatable: false,
  table: (state) => state.instanceGroups,
  problems: ({ policy }) =>
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

const volumeTypes = ["CLASSIC", "HIGH_SPEED", "HIGH_SPEED_GEN2"];

export const volumeKind: RecordedKind<Volume> = {
  updatable: true,
  table: (state) => state.volumes,
  problems: ({ size, volumeType, createFrom, encryption }) => [
    ...(typeof size === "number" && (!Number.isInteger(size) || size < 1)
      ? [{ property: "size", reason: "must be a whole number of gigabytes from 1" }]
      : []),
    ...(typeof volumeType === "string" && !volumeTypes.includes(volumeType)
      ? [{ property: "volumeType", reason: `must be one of ${volumeTypes.join(", ")}` }]
      : []),
    ...(createFrom === undefined ? [] : [{ property: "createFrom", reason: "the lab makes empty volumes only" }]),
    ...(encryption === undefined ? [] : [{ property: "encryption", reason: "the lab does not encrypt volumes" }]),
  ],
  make: (inputs, _state, identity, old) => {
    const sizeGiB = number(inputs, "size");
    if (old !== undefined && sizeGiB < old.sizeGiB) {
      throw new Error(`The volume ${old.name} cannot shrink from ${old.sizeGiB} to ${sizeGiB} GB`);
    }
    if (old !== undefined && sizeGiB > old.sizeGiB) {
      throw new Error(`The lab cannot enlarge a volume in place (${old.name}, ${old.sizeGiB} to ${sizeGiB} GB)`);
    }
    return {
      ...identity,
      serviceName: serviceNameOf(inputs),
      region: text(inputs, "region"),
      name: text(inputs, "name"),
      sizeGiB,
      volumeType: optionalText(inputs, "volumeType") ?? "CLASSIC",
    };
  },
  inputs: ({ name, region, serviceName, sizeGiB, volumeType }) => ({
    name,
    region,
    serviceName,
    size: sizeGiB,
    volumeType,
  }),
  outputs: (volume, { instances }) => {
    const { id, name, region, sizeGiB: size, volumeType } = volume;
    const attached = Object.values(instances).filter(({ volumeIds }) => volumeIds.includes(id));
    const currentState = {
      name,
      size,
      volumeType,
      bootable: false,
      encryption: { enabled: false },
      location: { region, availabilityZone: "nova" },
      status: attached.length > 0 ? "IN_USE" : "AVAILABLE",
      attachedInstances: attached.map((instance) => ({ id: instance.id })),
    };
    const encryption = { enabled: false };
    const common = { ...ready, ...timesAndChecksum(volume, volumeKind.inputs(volume)), volumeType, encryption };
    return asProperties({ ...common, availabilityZone: "nova", currentState });
  },
  refuseDeletion: ({ id, name }, { instances }) => {
    const user = Object.values(instances).find(({ volumeIds }) => volumeIds.includes(id));
    if (user !== undefined) throw new Error(`The volume ${name} is attached to the instance ${user.name}`);
  },
  created: ({ id, sizeGiB }, hosts) => hosts.createVolume({ id, sizeGiB }),
  deleted: ({ id }, hosts) => hosts.deleteVolume(id),
};

export function timesAndChecksum(record: { createdAt: string; updatedAt: string }, inputs: PropertyMap): PropertyMap {
  return { createdAt: record.createdAt, updatedAt: record.updatedAt, checksum: checksumOf(inputs) };
}
