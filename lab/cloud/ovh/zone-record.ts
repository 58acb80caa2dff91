import { isIPv4 } from "node:net";
import { optionalNumber, optionalText, text } from "../protocol/inputs.ts";
import type { ResourceType, Violation } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import type { Cloud } from "./cloud.ts";
import { describeRecord } from "./common.ts";
import { projectZones } from "./project.ts";
import type { ZoneRecord } from "./state.ts";

/** As the real provider's source (resource_domain_zone_record.go) has it; the package's documentation does not. */
const replacing = ["zone", "fieldtype"];

function violationsOf({ ttl, fieldtype, target }: PropertyMap): readonly Violation[] {
  const violations: Violation[] = [];
  if (typeof ttl === "number" && ttl !== 0 && ttl < 60) {
    violations.push({
      property: "ttl",
      reason: `must be either equal to 0 or, greater than or equal to 60, got: ${ttl}`,
    });
  }
  if (fieldtype === "A" && typeof target === "string" && !isIPv4(target)) {
    violations.push({ property: "target", reason: `"${target}" is not an IPv4 address, which an A record needs` });
  }
  return violations;
}

function recordOf(inputs: PropertyMap): ZoneRecord {
  const zone = text(inputs, "zone");
  if (!projectZones().includes(zone)) throw new Error(`404 Not Found: This service does not exist: the zone ${zone}`);
  return {
    zone,
    subdomain: optionalText(inputs, "subdomain") ?? "",
    fieldtype: text(inputs, "fieldtype"),
    target: text(inputs, "target"),
    ttl: optionalNumber(inputs, "ttl") ?? 0,
  };
}

/** ovh:Domain/zoneRecord:ZoneRecord: a record of a DNS zone, which nothing in the lab resolves. */
export function zoneRecordType(cloud: Cloud): ResourceType {
  const change = (id: string, inputs: PropertyMap) =>
    cloud.transaction((state) => {
      const record = recordOf(inputs);
      state.zoneRecords[id] = record;
      return { ...inputs, ...record };
    });
  return {
    violations: violationsOf,
    change: (difference) => ({
      ...difference,
      replaces: difference.changed.filter((name) => replacing.includes(name)),
    }),
    create: async (inputs) => {
      const { zoneRecords } = await cloud.state();
      const id = String(Math.max(5_000_000_000, ...Object.keys(zoneRecords).map(Number)) + 1);
      return { id, outputs: await change(id, inputs) };
    },
    read: async (asked, recorded) => {
      // An import names the zone too: "5000000001.example.com".
      const [id = ""] = asked.split(".", 1);
      const record = (await cloud.state()).zoneRecords[id];
      if (record === undefined) throw new Error(`record ${id} has been deleted.`);
      return { id, ...describeRecord({ ...record }, { ...record }, recorded) };
    },
    update: async (id, _old, inputs) => {
      if ((await cloud.state()).zoneRecords[id] === undefined) throw new Error(`404 Not Found: record ${id}`);
      return change(id, inputs);
    },
    delete: (id) =>
      cloud.transaction((state) => {
        delete state.zoneRecords[id];
      }),
  };
}
