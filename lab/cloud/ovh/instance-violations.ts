import type { Violation } from "../protocol/package.ts";
import { isMap, type PropertyMap, type PropertyValue, Unknown } from "../protocol/values.ts";
import { commonViolations } from "./common.ts";

const powerStates = ["ACTIVE", "SHUTOFF"];

export function instanceViolations(inputs: PropertyMap): Violation[] {
  const found = [...commonViolations(inputs), ...networkViolations(inputs["networks"])];
  const { name, imageId, powerState, shares } = inputs;
  if (typeof name === "string" && !/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    found.push({
      property: "name",
      reason: "becomes the host's name: lower-case letters, digits and hyphens, at most 63",
    });
  }
  if (imageId === undefined) found.push({ property: "imageId", reason: "is required: the lab boots from images only" });
  if (typeof powerState === "string" && !powerStates.includes(powerState)) {
    const reason = `must be one of ${powerStates.join(", ")} in the lab, which cannot shelve an instance`;
    found.push({ property: "powerState", reason });
  }
  if (shares !== undefined) found.push({ property: "shares", reason: "the lab has no file storage" });
  return found;
}

/**
 * The documentation has four forms of a network entry. The lab serves two: a public interface with an assigned address,
 * and an interface on a private network.
 */
function networkViolations(networks: PropertyValue | undefined): Violation[] {
  if (networks instanceof Unknown) return [];
  const entries = Array.isArray(networks) ? networks : [];
  const found: Violation[] = entries.flatMap((entry: PropertyValue, index) => {
    const reason = isMap(entry) ? entryViolation(entry) : undefined;
    return reason === undefined ? [] : [{ property: `networks[${index}]`, reason }];
  });
  const maps = entries.filter(isMap);
  const publicEntries = maps.filter((entry) => entry["autoAssignPublicIp"] === true);
  const privateEntries = maps.filter((entry) => entry["networkId"] !== undefined);
  if (publicEntries.length > 1) {
    found.push({ property: "networks", reason: "has autoAssignPublicIp in several entries, and may have it in one" });
  }
  if (maps.length === 0) {
    const reason = "names no network: a host of the lab needs a public interface, or one on a private network";
    found.push({ property: "networks", reason });
  }
  if (privateEntries.length > 1) {
    found.push({
      property: "networks",
      reason: "names two private networks; the lab's hosts have one private interface",
    });
  }
  return found;
}

function entryViolation(entry: PropertyMap): string | undefined {
  const { autoAssignPublicIp, networkId, subnetId, ip } = entry;
  if (autoAssignPublicIp === true) {
    return networkId === undefined && ip === undefined
      ? undefined
      : "autoAssignPublicIp allows no other property in its entry";
  }
  if (networkId === undefined)
    return "is not a form that the lab serves: { autoAssignPublicIp: true } or { networkId, subnetId }";
  return subnetId === undefined || ip === "" ? "networkId requires subnetId, and ip must be an address" : undefined;
}
