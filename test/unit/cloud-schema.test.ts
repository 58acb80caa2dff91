import { describe, expect, test } from "vitest";
import type { PropertyMap } from "../../lab/cloud/protocol/values.ts";
import { unknown } from "../../lab/cloud/protocol/values.ts";
import { generatedSchema } from "../../lab/cloud/schema/generate.ts";
import { packageNames, packageSchema } from "../../lab/cloud/schema/schema.ts";
import { schemaViolations } from "../../lab/cloud/schema/validate.ts";

describe("the schemas of the lab's providers", () => {
  test.each(packageNames)("%s: the file matches the installed npm package", (name) => {
    // When this fails after an update of a package: node lab/cloud/schema/generate.ts
    expect(packageSchema(name)).toEqual(JSON.parse(generatedSchema(name)));
  });

  const ovh = packageSchema("ovh");
  const instance = ovh.resources["ovh:index/cloudInstance:CloudInstance"];
  const inputs: PropertyMap = {
    serviceName: "p",
    region: "GRA11",
    flavorId: "f",
    networks: [{ autoAssignPublicIp: true }],
  };
  const problemsOf = (changed: PropertyMap) => schemaViolations(ovh, instance?.inputs ?? {}, { ...inputs, ...changed });

  test("know from the documentation which inputs make a new resource", () => {
    const recreating = Object.entries(instance?.inputs ?? {}).filter(([, { recreates }]) => recreates === true);
    expect(recreating.map(([name]) => name).sort()).toEqual(
      ["availabilityZone", "groupId", "region", "serviceName", "sshKeyName"].sort(),
    );
  });

  test("accept published inputs", () => {
    expect(problemsOf({})).toEqual([]);
  });

  test("refuse an unknown property and suggest a similar one", () => {
    expect(problemsOf({ flavorID: "x" })).toEqual([
      { property: "flavorID", reason: expect.stringContaining("did you mean flavorId?") },
    ]);
  });

  test("refuse an unknown property at any depth", () => {
    expect(problemsOf({ networks: [{ publicIp: true }] })).toEqual([
      {
        property: "networks[0].publicIp",
        reason: expect.stringContaining("known are autoAssignPublicIp, ip, networkId"),
      },
    ]);
  });

  test("refuse a missing property", () => {
    expect(problemsOf({ region: null })).toEqual([{ property: "region", reason: "is required and missing" }]);
  });

  test("refuse a wrong type without showing the value, which may be a secret", () => {
    const violations = problemsOf({ name: 17, securityGroupIds: "hunter2" });
    expect(violations).toEqual([
      { property: "name", reason: "must be a string, but is a value of type number" },
      { property: "securityGroupIds", reason: "must be a list, but is a value of type string" },
    ]);
    expect(JSON.stringify(violations)).not.toContain("hunter2");
  });

  test("accept values that are not known yet", () => {
    expect(problemsOf({ flavorId: unknown, networks: [{ subnetId: unknown, networkId: unknown }] })).toEqual([]);
  });

  test("refuse a value outside an enumeration", () => {
    const command = packageSchema("command");
    const { inputs: properties = {} } = command.resources["command:remote:Command"] ?? {};
    const violations = schemaViolations(command, properties, { connection: { host: "h" }, logging: "loud" });
    expect(violations).toEqual([
      { property: "logging", reason: expect.stringContaining("one of stdout, stderr, stdoutAndStderr, none") },
    ]);
  });
});
