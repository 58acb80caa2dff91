import { optionalText } from "../protocol/inputs.ts";
import type { PropertyMap } from "../protocol/values.ts";

/** What the stand-in takes for valid credentials, as the provider's variables of the environment. */
export const labCredentials: Readonly<Record<string, string>> = {
  OVH_ENDPOINT: "ovh-eu",
  OVH_APPLICATION_KEY: "lab",
  OVH_APPLICATION_SECRET: "lab",
  OVH_CONSUMER_KEY: "lab",
};

/** The real provider takes each from its configuration or the environment, and fails at its first call without. */
export function assertCredentials(configuration: PropertyMap): void {
  for (const [variable, valid] of Object.entries(labCredentials)) {
    const key = variable
      .replace(/^OVH_/, "")
      .toLowerCase()
      .replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const given = optionalText(configuration, key) ?? process.env[variable];
    if (given !== valid) throw new Error(`OVHcloud's API refuses the credentials: ${key} is ${given ?? "not set"}`);
  }
}
