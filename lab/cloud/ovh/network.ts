import { present } from "../../util/present.ts";
import { optionalNumber, optionalText, text } from "../protocol/inputs.ts";
import { asProperties, serviceNameOf, timesAndChecksum } from "./common.ts";
import type { RecordedKind } from "./recorded-type.ts";
import type { Network } from "./state.ts";

/** The lab has one vRack with one VLAN: the networks of all regions on it are one network, as on OVHcloud. */
export const networkKind: RecordedKind<Network> = {
  updatable: true,
  mustExist: true,
  importParts: ["service_name", "network_id"],
  table: (state) => state.networks,
  violations: ({ vlanId }) => {
    if (vlanId === undefined) {
      const reason =
        "is required in the lab: without it OVHcloud assigns one per region, and the regions do not share a network";
      return [{ property: "vlanId", reason }];
    }
    const fits = typeof vlanId !== "number" || (Number.isInteger(vlanId) && vlanId >= 0 && vlanId <= 4096);
    return fits ? [] : [{ property: "vlanId", reason: "must be a whole number from 0 to 4096" }];
  },
  make: (inputs, state, identity) => {
    const region = text(inputs, "region");
    const vlanId = optionalNumber(inputs, "vlanId") ?? 0;
    for (const other of Object.values(state.networks).filter(({ id }) => id !== identity.id)) {
      if (other.vlanId !== vlanId) {
        throw new Error(
          `The lab's vRack carries one VLAN, and the network ${other.name} in ${other.region} has ${other.vlanId}: ` +
            `hosts on VLAN ${vlanId} could not reach it`,
        );
      }
      if (other.region === region)
        throw new Error(
          `409 Conflict: VLAN ${vlanId} is in use by the network ${other.name} (${other.id}) in ${region}`,
        );
    }
    const description = optionalText(inputs, "description");
    const serviceName = serviceNameOf(inputs);
    return { ...identity, serviceName, region, name: text(inputs, "name"), ...present({ description }), vlanId };
  },
  inputs: ({ name, region, serviceName, description, vlanId }) =>
    asProperties({ name, region, serviceName, description, vlanId }),
  outputs: (network) => {
    const { name, region, description, vlanId } = network;
    const currentState = { name, description: description ?? "", location: { region }, vlanId };
    const common = timesAndChecksum(network, networkKind.inputs(network));
    return { resourceStatus: "READY", vlanId, ...common, currentState };
  },
  refuseDeletion: ({ id, name }, { subnets }) => {
    const subnet = Object.values(subnets).find(({ networkId }) => networkId === id);
    if (subnet !== undefined) throw new Error(`The network ${name} still has the subnet ${subnet.name}`);
  },
};
