import { regionAddresses } from "../../hosts/addressing.ts";
import { present } from "../../util/present.ts";
import { flag, optionalMap, optionalText, text, texts } from "../protocol/inputs.ts";
import type { Violation } from "../protocol/package.ts";
import { isMap, type PropertyMap, type PropertyValue } from "../protocol/values.ts";
import { contains, parseNetwork } from "./addresses.ts";
import type { CloudHosts } from "./cloud.ts";
import { asProperties, ready, serviceNameOf, timesAndChecksum } from "./common.ts";
import type { RecordedKind } from "./recorded-type.ts";
import { labRegionOf } from "./regions.ts";
import type { CloudState, Gateway, Subnet } from "./state.ts";

const models = ["S", "M", "L", "XL", "2XL", "3XL"];

function externalViolations(externalGateway: PropertyValue | undefined): Violation[] {
  if (!isMap(externalGateway)) return [];
  const { enabled, model } = externalGateway;
  const property = "externalGateway.model";
  if (typeof model === "string" && !models.includes(model)) {
    return [{ property, reason: `must be one of ${models.join(", ")}` }];
  }
  return enabled === true && model === undefined ? [{ property, reason: "is required when enabled is true" }] : [];
}

/** The subnet that a gateway is to be attached to, whose gateway address it gets. @throws Error with the rule that forbids it */
function subnetFor(
  state: CloudState,
  subnetId: string,
  own: { readonly id: string; readonly region: string; readonly serviceName: string },
): Subnet {
  const subnet = state.subnets[subnetId];
  if (subnet?.serviceName !== own.serviceName || subnet.region !== own.region) {
    throw new Error(`There is no subnet ${subnetId} in ${own.region}`);
  }
  const others = Object.values(state.gateways).filter(({ id }) => id !== own.id);
  const holder = others.find(({ interfaces }) => interfaces.some(({ address }) => address === subnet.gatewayIp));
  if (holder !== undefined) {
    throw new Error(
      `409 Conflict: ${subnet.gatewayIp} is in use by the gateway ${holder.name} in ${holder.region}, which is on the same VLAN`,
    );
  }
  const user = Object.values(state.instances).find(({ privateIp }) => privateIp === subnet.gatewayIp);
  if (user !== undefined) throw new Error(`409 Conflict: ${subnet.gatewayIp} is in use by the instance ${user.name}`);
  const { vrackSubnet } = regionAddresses(labRegion(own.region));
  const network = parseNetwork(vrackSubnet);
  if (network === undefined || !contains(network, subnet.gatewayIp)) {
    throw new Error(
      `The lab routes by region: the gatewayIp of the subnet ${subnet.name} must be in ${vrackSubnet}, and is ${subnet.gatewayIp}`,
    );
  }
  return subnet;
}

function labRegion(region: string) {
  const found = labRegionOf(region);
  if (found === undefined) throw new Error(`${region} is not a region of the lab's cloud`);
  return found;
}

/** Opens or closes the way to the internet, as the record has it. */
async function apply({ region, externalGateway, interfaces }: Gateway, hosts: CloudHosts): Promise<void> {
  for (const { address } of interfaces) {
    if (externalGateway?.enabled === true) await hosts.openGateway(labRegion(region), address);
    else await hosts.closeGateway(labRegion(region), address);
  }
}

/** ovh:index/cloudGateway:CloudGateway: a router between a region's subnets and the internet. */
export const gatewayKind: RecordedKind<Gateway> = {
  updatable: true,
  mustExist: true,
  importParts: ["service_name", "gateway_id"],
  table: (state) => state.gateways,
  violations: ({ externalGateway, subnetIds }) => [
    ...externalViolations(externalGateway),
    ...(Array.isArray(subnetIds) && subnetIds.length > 1
      ? [{ property: "subnetIds", reason: "names several subnets, and the lab's regions have one each" }]
      : []),
  ],
  make: (inputs, state, identity, old) => {
    const place = { serviceName: serviceNameOf(inputs), region: text(inputs, "region") };
    const subnetIds = texts(inputs, "subnetIds");
    const kept = old?.interfaces.find(({ subnetId }) => !subnetIds.includes(subnetId));
    if (kept !== undefined) throw new Error("The lab cannot take a gateway off its subnet; delete the gateway");
    const external = optionalMap(inputs, "externalGateway");
    const externalGateway =
      external === undefined
        ? undefined
        : { enabled: flag(external, "enabled", false), ...present({ model: optionalText(external, "model") }) };
    return {
      ...identity,
      ...place,
      name: text(inputs, "name"),
      ...present({ description: optionalText(inputs, "description"), externalGateway }),
      interfaces: subnetIds.map((subnetId) => ({
        subnetId,
        address: subnetFor(state, subnetId, { id: identity.id, ...place }).gatewayIp,
      })),
    };
  },
  inputs: ({ name, region, serviceName, description, externalGateway, interfaces }) =>
    asProperties({
      ...{ name, region, serviceName, description, externalGateway },
      subnetIds: interfaces.map(({ subnetId }) => subnetId),
    }),
  outputs: (gateway) => {
    const { name, description = "", region, externalGateway, interfaces } = gateway;
    const isExternal = externalGateway?.enabled === true;
    return asProperties({
      ...ready,
      ...timesAndChecksum(gateway, gatewayKind.inputs(gateway)),
      currentState: {
        ...{ name, description, status: "ACTIVE" },
        externalGateway: { enabled: isExternal, model: externalGateway?.model ?? "" },
        externalIp: isExternal ? regionAddresses(labRegion(region)).gatewayPublicIp : "",
        location: { region, availabilityZone: "" },
        subnets: interfaces.map(({ subnetId }): PropertyMap => ({ id: subnetId })),
      },
    });
  },
  created: apply,
  updated: apply,
  deleted: async ({ region, interfaces }, hosts) => {
    for (const { address } of interfaces) await hosts.closeGateway(labRegion(region), address);
  },
};
