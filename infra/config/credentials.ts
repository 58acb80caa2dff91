import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/** Ways to authenticate with OVHcloud, by the keys of the provider's configuration that each needs. */
const ways = [
  ["applicationKey", "applicationSecret", "consumerKey"],
  ["clientId", "clientSecret"],
  ["accessToken"],
] as const;

/** Files from which the provider reads what neither the stack nor the environment has. */
const providerFiles = (): readonly string[] => ["/etc/ovh.conf", path.join(homedir(), ".ovh.conf"), "ovh.conf"];

export interface CredentialSources {
  /** What Pulumi holds for the stack: `ovh:endpoint` and so on to text. */
  readonly raw: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Default: whether the provider has a file of its own, which is not read here. */
  readonly hasFile?: boolean;
}

/**
 * Why the ovh provider cannot authenticate, as a sentence with what to do; null when it can try. Without this, its first
 * call of OVHcloud's API ends in a stack trace, in a preview too.
 */
export function missingCredentials({
  raw,
  environment,
  hasFile = providerFiles().some((file) => existsSync(file)),
}: CredentialSources): string | null {
  if (hasFile) return null;
  const isSet = (key: string) => Boolean(raw[`ovh:${key}`] ?? environment[variableOf(key)]);
  const missing = ways.map((keys) => keys.filter((key) => !isSet(key)));
  if (isSet("endpoint") && missing.some((keys) => keys.length === 0)) return null;
  const begun = ways.findIndex((keys, way) => (missing[way]?.length ?? 0) < keys.length);
  const wanted = [...(isSet("endpoint") ? [] : ["endpoint"]), ...(missing[Math.max(0, begun)] ?? [])];
  const names = wanted.map((key) => `ovh:${key}`).join(", ");
  return (
    `OVHcloud's credentials are incomplete: ${names} missing. Set the endpoint, such as ovh-eu, and a token of ` +
    "OVHcloud's API (README.md, Use it on OVHcloud): `pulumi config set --secret ovh:applicationSecret`, or the environment, " +
    `such as ${variableOf("applicationSecret")}.`
  );
}

/** "applicationKey" is OVH_APPLICATION_KEY in the environment. */
const variableOf = (key: string): string => `OVH_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
