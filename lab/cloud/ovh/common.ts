import { createHash } from "node:crypto";
import { optionalText } from "../protocol/inputs.ts";
import type { Recorded, Violation } from "../protocol/package.ts";
import { isMap, type PropertyMap, type PropertyValue } from "../protocol/values.ts";
import { regionViolation } from "./regions.ts";

/** Parts that the resource types of this package share. */

export const ready = { resourceStatus: "READY" } as const;

/** Fields of a resource besides those from its inputs. */
export interface Identity {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export function newIdentity(id: string): Identity {
  const now = new Date().toISOString();
  return { id, createdAt: now, updatedAt: now };
}

export function changedIdentity({ id, createdAt }: Identity): Identity {
  return { id, createdAt, updatedAt: new Date().toISOString() };
}

export function goneError(id: string): Error {
  return new Error(`${id} no longer exists in the lab's cloud; run \`pulumi refresh\``);
}

/**
 * The state to report for a record. Of its inputs only those that the program set, so that defaults of the cloud are no
 * drift; all of them when nothing is recorded yet (import).
 */
export function describeRecord(inputs: PropertyMap, outputs: PropertyMap, recorded: Recorded): Recorded {
  const names = Object.keys(recorded.inputs).filter((name) => name !== "__defaults");
  const wanted = names.length === 0 ? Object.keys(inputs) : names;
  const seen = Object.fromEntries(wanted.filter((name) => name in inputs).map((name) => [name, inputs[name] ?? null]));
  return { inputs: seen, outputs: { ...inputs, ...outputs } };
}

/** Default name: the resource's name in the program with a random suffix, as in Pulumi's bridged providers. */
export function fillName(inputs: PropertyMap, old: PropertyMap | undefined, name: string, seed: Buffer): PropertyMap {
  if (inputs["name"] !== undefined) return inputs;
  const suffix = createHash("sha256").update(seed).update(name).digest("hex").slice(0, 7);
  return { ...inputs, name: old?.["name"] ?? `${name}-${suffix}` };
}

export function commonViolations(inputs: PropertyMap): Violation[] {
  const violations: Violation[] = [];
  const { region, availabilityZone, serviceName } = inputs;
  if (typeof region === "string") {
    const reason = regionViolation(region);
    if (reason !== undefined) violations.push({ property: "region", reason });
  }
  if (availabilityZone !== undefined) {
    const reason = "must be absent: the lab's regions have one availability zone each, as GRA11 and BHS5 have";
    violations.push({ property: "availabilityZone", reason });
  }
  if (serviceName === undefined && process.env["OVH_CLOUD_PROJECT_SERVICE"] === undefined) {
    violations.push({
      property: "serviceName",
      reason: "is required, or OVH_CLOUD_PROJECT_SERVICE in the environment",
    });
  } else if (serviceName === "") {
    violations.push({ property: "serviceName", reason: "must name the Public Cloud project" });
  }
  return violations;
}

export function serviceNameOf(inputs: PropertyMap): string {
  return optionalText(inputs, "serviceName") ?? process.env["OVH_CLOUD_PROJECT_SERVICE"] ?? "";
}

/** A hash of the inputs, as the API's `checksum`. */
export function checksumOf(inputs: PropertyMap): string {
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
}

export function timesAndChecksum(record: { createdAt: string; updatedAt: string }, inputs: PropertyMap): PropertyMap {
  return { createdAt: record.createdAt, updatedAt: record.updatedAt, checksum: checksumOf(inputs) };
}

/** A record as properties. Records are plain JSON. */
export function asProperties(value: object): PropertyMap {
  const copy = JSON.parse(JSON.stringify(value)) as PropertyValue;
  return isMap(copy) ? copy : {};
}
