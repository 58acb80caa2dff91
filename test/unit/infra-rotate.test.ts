import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bothOf, type RotationConfig, rotationContradictions } from "../../infra/config/rotation.ts";
import { type RotatedKey, rotatedKeys } from "../../infra/config/schema.ts";
import { rotate } from "../../infra/init/rotate.ts";
import type { RotationVerb } from "../../infra/init/rotation-plan.ts";
import { RememberingPulumi, testConfig, validRawConfig } from "./infra-fixtures.ts";

const stacks = ["gra", "bhs", "witness"];
const newPulumi = () =>
  new RememberingPulumi(Object.fromEntries(stacks.map((stack) => [stack, { ...validRawConfig }])));
const silent = () => {};
const step = (pulumi: RememberingPulumi, verb: RotationVerb, key: RotatedKey, say: (line: string) => void = silent) =>
  rotate(verb, key, { stacks, pulumi, say });
/** The keys that are looked at, read without the whole schema, which would take long so often. */
const configOf = (pulumi: RememberingPulumi, stack: string): RotationConfig => {
  const own = Object.entries(pulumi.held[stack] ?? {}).map(([key, text]) => [key.replace("es-failover:", ""), text]);
  const { useNext, ...secrets } = Object.fromEntries(own);
  return { ...secrets, useNext: useNext?.split(",") ?? [] };
};

describe("npm run rotate", () => {
  test("leaves the value that any site uses known to every other one, whatever the order of their updates and wherever a step is interrupted", async () => {
    const update = fc.shuffledSubarray(stacks, { minLength: stacks.length });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...rotatedKeys),
        fc.constantFrom("end", "cancel"),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 15 }), update), { minLength: 3, maxLength: 3 }),
        async (key, last, rounds) => {
          const pulumi = newPulumi();
          const before = configOf(pulumi, "gra")[key];
          const deployed = new Map(stacks.map((stack) => [stack, configOf(pulumi, stack)]));
          const verbs: readonly RotationVerb[] = last === "end" ? ["begin", "switch", "end"] : ["begin", "cancel"];
          for (const [position, verb] of verbs.entries()) {
            const [failsAt = 1, order = stacks] = rounds[position] ?? [];
            Object.assign(pulumi, { writes: 0, failsAt });
            await step(pulumi, verb, key).catch(() => {});
            // Configurations of an interrupted step may be deployed, too; one that is refused changes nothing.
            for (const stack of order.slice(0, failsAt % 3)) {
              const config = configOf(pulumi, stack);
              if (rotationContradictions(config).length === 0) deployed.set(stack, config);
            }
            expectAllKnown(deployed, key);
            pulumi.failsAt = Number.POSITIVE_INFINITY;
            // It may have been interrupted after its last write.
            await step(pulumi, verb, key).catch(() => {});
            for (const stack of order) {
              deployed.set(stack, configOf(pulumi, stack));
              expectAllKnown(deployed, key);
            }
          }
          for (const config of deployed.values()) {
            expect(bothOf(config, key)).toHaveLength(1);
            expect(bothOf(config, key)[0] === before).toBe(last === "cancel");
            expect(config[key]).toBe(deployed.get("gra")?.[key]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("changes the authority's certificate and key together", async () => {
    const pulumi = newPulumi();
    for (const verb of ["begin", "switch", "end"] as const) await step(pulumi, verb, "caCertificate");
    const { caCertificate, caPrivateKey } = configOf(pulumi, "bhs");
    expect(caCertificate).toMatch(/^-----BEGIN CERTIFICATE/);
    expect(caPrivateKey).toMatch(/^-----BEGIN PRIVATE KEY/);
  });

  test("refuses a step that is not due, with what to do, and changes nothing", async () => {
    const pulumi = newPulumi();
    const refused = async (verb: RotationVerb, reason: RegExp) => {
      const before = structuredClone(pulumi.held);
      await expect(step(pulumi, verb, "etcdPassword")).rejects.toThrow(reason);
      expect(pulumi.held).toEqual(before);
    };
    await refused("switch", /run `npm run rotate -- begin etcdPassword` first/);
    await refused("end", /is not in use: run `switch` first, or `cancel`/);
    await step(pulumi, "begin", "etcdPassword");
    await refused("end", /is not in use in gra, bhs, witness/);
    await step(pulumi, "switch", "etcdPassword");
    await refused("begin", /gra, bhs, witness uses the new etcdPassword/);
    await refused("cancel", /can be ended, and not cancelled/);
  });

  test("replaces several secrets at a time", async () => {
    const pulumi = newPulumi();
    for (const key of ["etcdPassword", "watchdogPassword"] as const) await step(pulumi, "begin", key);
    for (const key of ["etcdPassword", "watchdogPassword"] as const) await step(pulumi, "switch", key);
    expect(configOf(pulumi, "gra").useNext).toEqual(["etcdPassword", "watchdogPassword"]);
    await step(pulumi, "end", "etcdPassword");
    expect(configOf(pulumi, "gra").useNext).toEqual(["watchdogPassword"]);
    expect(bothOf(configOf(pulumi, "gra"), "watchdogPassword")).toHaveLength(2);
  });

  test("prints what comes next, and no secret", async () => {
    const pulumi = newPulumi();
    const lines: string[] = [];
    const secrets = new Set<string>();
    for (const verb of ["begin", "switch", "end"] as const) {
      await step(pulumi, verb, "watchdogPassword", (line) => lines.push(line));
      for (const [key, value] of Object.entries(pulumi.held["gra"] ?? {}))
        if (/password/i.test(key)) secrets.add(value);
    }
    expect(secrets.size).toBeGreaterThan(5);
    for (const secret of secrets) expect(lines.join("\n")).not.toContain(secret);
    expect(lines).toContain("Run `pulumi up` for every stack, then `npm run rotate -- switch watchdogPassword`.");
  });
});

test("a stack that uses a new value which it does not have is refused", () => {
  expect(() => testConfig({ useNext: "etcdPassword" })).toThrow(/useNext names etcdPassword.*no nextEtcdPassword/);
  expect(() => testConfig({ nextCaCertificate: "one" })).toThrow(/nextCaCertificate belongs with nextCaPrivateKey/);
});

/** What one site shows or signs with, each other one accepts. */
function expectAllKnown(deployed: ReadonlyMap<string, RotationConfig>, key: RotatedKey): void {
  for (const [site, config] of deployed) {
    for (const [other, its] of deployed) {
      expect(bothOf(its, key).includes(bothOf(config, key)[0]), `${other} knows what ${site} uses`).toBe(true);
    }
  }
}
