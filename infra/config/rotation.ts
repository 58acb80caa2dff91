import type { ConfigViolation } from "../../watchdog/config/violations.ts";
import { nextKeys, type RotatedKey, rotatedKeys, type StackConfig } from "./schema.ts";

/** A secret, and while it is replaced the other one of old and new, which is valid as well. */
export type Both = readonly [string, ...string[]];

/** The part of a stack's configuration that is about replaced secrets. */
export type RotationConfig = Pick<
  StackConfig,
  RotatedKey | (typeof nextKeys)[RotatedKey] | "caPrivateKey" | "nextCaPrivateKey" | "useNext"
>;

/**
 * The value of a secret that is in use, and the other one while it is replaced. Users and certificates have the one in use;
 * what asks or verifies knows both, since another site may not have come as far.
 */
export function bothOf(config: RotationConfig, key: RotatedKey): Both {
  const [present, next] = [config[key], config[nextKeys[key]]];
  if (next === undefined || next === present) return [present];
  return config.useNext.includes(key) ? [next, present] : [present, next];
}

/** The key of the authority that signs. */
export function signingKey(config: RotationConfig): string {
  const { caPrivateKey, nextCaPrivateKey = caPrivateKey } = config;
  return config.useNext.includes("caCertificate") ? nextCaPrivateKey : caPrivateKey;
}

/** Certificates of the authorities that are trusted. */
export function trustedCertificates(config: RotationConfig): string {
  return bothOf(config, "caCertificate")
    .map((certificate) => `${certificate}\n`)
    .join("");
}

export function rotationContradictions(config: RotationConfig): readonly ConfigViolation[] {
  const unknown = rotatedKeys.filter((key) => config.useNext.includes(key) && config[nextKeys[key]] === undefined);
  const nameless = unknown.map((key) => ({
    key: "useNext",
    message: `names ${key}, and there is no ${nextKeys[key]}: run \`npm run rotate\`, which sets both in their order`,
  }));
  if ((config.nextCaCertificate === undefined) === (config.nextCaPrivateKey === undefined)) return nameless;
  const message =
    "belongs with nextCaPrivateKey, and one of them is missing: run `npm run rotate -- begin caCertificate`";
  return [...nameless, { key: "nextCaCertificate", message }];
}
