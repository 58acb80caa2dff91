import { randomBytes } from "node:crypto";
import type { InitKey } from "../config/schema.ts";
import { createCertificateAuthority } from "./certificate-authority.ts";
import type { Unit } from "./plan.ts";
import { createSshKeyPair } from "./ssh-key.ts";

export type Values = readonly (readonly [key: InitKey, value: string])[];

/** New values of what belongs together. */
export async function createUnit(unit: Unit): Promise<Values> {
  const [kind] = unit;
  switch (kind) {
    case "caCertificate": {
      const { certificatePem, privateKeyPem } = await createCertificateAuthority();
      return [
        ["caCertificate", certificatePem],
        ["caPrivateKey", privateKeyPem],
      ];
    }
    case "sshPublicKey": {
      const { publicKey, privateKey } = createSshKeyPair("es-failover");
      return [
        ["sshPublicKey", publicKey],
        ["sshPrivateKey", privateKey],
      ];
    }
    case "watchdogPassword":
    case "haproxyCheckPassword":
    case "appPassword":
    case "etcdRootPassword":
    case "etcdPassword":
      return [[kind, randomBytes(24).toString("base64url")]];
    default:
      return kind satisfies never;
  }
}
