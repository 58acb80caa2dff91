import { present } from "../../util/present.ts";
import { maps, optionalNumber, optionalText, text } from "../protocol/inputs.ts";
import type { Violation } from "../protocol/package.ts";
import { isMap, type PropertyMap, type PropertyValue, Unknown } from "../protocol/values.ts";
import { parseNetwork } from "./addresses.ts";
import { asProperties, ready, serviceNameOf, timesAndChecksum } from "./common.ts";
import { protocols } from "./firewall.ts";
import type { RecordedKind } from "./recorded-type.ts";
import type { CloudState, SecurityGroup, SecurityRule } from "./state.ts";

const directions = ["INGRESS", "EGRESS"];
const ethernetTypes = ["IPV4", "IPV6"];

export const securityGroupKind: RecordedKind<SecurityGroup> = {
  updatable: true,
  importParts: ["service_name", "security_group_id"],
  table: (state) => state.securityGroups,
  violations: ({ rules }) => ruleViolations(rules),
  make: (inputs, state, identity) => {
    const serviceName = serviceNameOf(inputs);
    const region = text(inputs, "region");
    const rules = maps(inputs, "rules").map(securityRule);
    refuseRemoteGroups(rules, state, { id: identity.id, region, serviceName });
    refuseDuplicates(rules);
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

function refuseRemoteGroups(
  rules: readonly SecurityRule[],
  state: CloudState,
  own: Pick<SecurityGroup, "id" | "region" | "serviceName">,
): void {
  for (const { remoteGroupId } of rules) {
    if (remoteGroupId === undefined || remoteGroupId === own.id) continue;
    const group = state.securityGroups[remoteGroupId];
    if (group?.region !== own.region || group.serviceName !== own.serviceName) {
      throw new Error(`A rule names the security group ${remoteGroupId}, which does not exist in ${own.region}`);
    }
  }
}

function refuseDuplicates(rules: readonly SecurityRule[]): void {
  const seen = new Set<string>();
  for (const { description: _, ...rule } of rules) {
    const key = JSON.stringify(rule);
    if (seen.has(key)) throw new Error(`The group has the same rule twice: ${key}`);
    seen.add(key);
  }
}

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

function ruleViolations(rules: PropertyValue | undefined): Violation[] {
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule: PropertyValue, index) => {
    const property = `rules[${index}]`;
    return isMap(rule) ? violationsOf(rule).map(([name, reason]) => ({ property: `${property}.${name}`, reason })) : [];
  });
}

function violationsOf(rule: PropertyMap): [name: string, reason: string][] {
  const violations: [string, string][] = [];
  const oneOf = (name: string, known: readonly string[]): void => {
    const value = rule[name];
    if (typeof value === "string" && !known.includes(value))
      violations.push([name, `must be one of ${known.join(", ")}`]);
  };
  oneOf("direction", directions);
  oneOf("ethernetType", ethernetTypes);
  oneOf("protocol", protocols);
  violations.push(...portViolations(rule));
  const { remoteIpPrefix, remoteGroupId, ethernetType } = rule;
  if (remoteIpPrefix !== undefined && remoteGroupId !== undefined) {
    violations.push(["remoteGroupId", "is not possible with remoteIpPrefix: a rule has one kind of remote"]);
  }
  if (typeof remoteIpPrefix === "string" && ethernetType === "IPV4" && parseNetwork(remoteIpPrefix) === undefined) {
    violations.push(["remoteIpPrefix", `"${remoteIpPrefix}" is not an IPv4 network such as 192.168.1.0/24`]);
  }
  return violations;
}

function portViolations({ portRangeMin, portRangeMax, protocol }: PropertyMap): [name: string, reason: string][] {
  if (portRangeMin === undefined && portRangeMax === undefined) return [];
  if (portRangeMin instanceof Unknown || portRangeMax instanceof Unknown || protocol instanceof Unknown) return [];
  if (protocol !== "TCP" && protocol !== "UDP") return [["portRangeMin", "needs the protocol TCP or UDP"]];
  if (typeof portRangeMin !== "number") return [["portRangeMin", "is required with portRangeMax"]];
  if (typeof portRangeMax !== "number") return [["portRangeMax", "is required with portRangeMin"]];
  const inRange = [portRangeMin, portRangeMax].every((port) => Number.isInteger(port) && port >= 1 && port <= 65535);
  if (!inRange) return [["portRangeMin", "ports are whole numbers from 1 to 65535"]];
  return portRangeMin <= portRangeMax ? [] : [["portRangeMin", "is greater than portRangeMax"]];
}
