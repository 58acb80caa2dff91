import { text } from "../protocol/inputs.ts";
import { serviceNameOf } from "./common.ts";
import type { RecordedKind } from "./recorded-type.ts";
import type { SshKey } from "./state.ts";

export const sshKeyKind: RecordedKind<SshKey> = {
  updatable: false,
  mustExist: true,
  table: (state) => state.sshKeys,
  // OVHcloud identifies an SSH key by its name in the project.
  newId: (inputs) => text(inputs, "name"),
  violations: ({ publicKey }) =>
    typeof publicKey === "string" && !/^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+/.test(publicKey)
      ? [{ property: "publicKey", reason: "is not an SSH public key such as a line of ~/.ssh/id_ed25519.pub" }]
      : [],
  make: (inputs, state, identity) => {
    if (state.sshKeys[identity.id] !== undefined)
      throw new Error(`409 Conflict: an SSH key named ${identity.id} already exists`);
    const publicKey = text(inputs, "publicKey");
    return { ...identity, serviceName: serviceNameOf(inputs), name: text(inputs, "name"), publicKey };
  },
  inputs: ({ name, publicKey, serviceName }) => ({ name, publicKey, serviceName }),
  outputs: ({ createdAt, updatedAt, serviceName }) => ({ createdAt, updatedAt, serviceName }),
};
