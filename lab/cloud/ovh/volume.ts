import { number, optionalText, text } from "../protocol/inputs.ts";
import { asProperties, ready, serviceNameOf, timesAndChecksum } from "./common.ts";
import type { RecordedKind } from "./recorded-type.ts";
import type { Volume } from "./state.ts";

const volumeTypes = ["CLASSIC", "HIGH_SPEED", "HIGH_SPEED_GEN2"];

export const volumeKind: RecordedKind<Volume> = {
  updatable: true,
  table: (state) => state.volumes,
  violations: ({ size, volumeType, createFrom, encryption }) => [
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
  updated: ({ id, sizeGiB }, hosts) => hosts.createVolume({ id, sizeGiB }),
  deleted: ({ id }, hosts) => hosts.deleteVolume(id),
};
