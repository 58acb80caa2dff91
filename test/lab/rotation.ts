import { expect, test } from "vitest";
import { rotatedKeys } from "../../infra/config/schema.ts";
import { pulumiCli } from "../../infra/init/pulumi-cli.ts";
import { rotate } from "../../infra/init/rotate.ts";
import type { RotationVerb } from "../../infra/init/rotation-plan.ts";
import { regions, stacks } from "../../lab/system/configuration.ts";
import { longestOutageMs } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { type LabUnderTest, UPDATE_HICCUP_MS } from "./support/lab-under-test.ts";
import { healthOf, rolesOf, untilServersUp, untilSite } from "./support/watching.ts";

const REFUSED = 401;

/** Passwords that several sites share are replaced, as their stacks are updated one after the other. */
export function rotationTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("the passwords of the watchdogs, of the checks and of etcd are replaced site by site: no watchdog is refused meanwhile, and the old ones are afterwards", {
    timeout: 1_200_000,
  }, async () => {
    const { system, questions, pulumi } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const beganAtMs = Date.now();
    const old = { watchdog: questions.passwordOf("es-failover"), check: questions.passwordOf("haproxy-check") };
    const passwords = rotatedKeys.filter((key) => key !== "caCertificate");
    const project = { stacks, pulumi: pulumiCli(system.engine.directory, system.engine.environment), say: pulumi.say };
    for (const verb of ["begin", "switch", "end"] as const satisfies readonly RotationVerb[]) {
      for (const key of passwords) await rotate(verb, key, project);
      for (const stack of stacks) {
        await system.up(stack, pulumi.say);
        await everySiteIsAnswered(lab());
      }
    }
    expect(longestOutageMs(clients.gra, beganAtMs)).toBeLessThan(UPDATE_HICCUP_MS);
    expect(longestOutageMs(clients.bhs, beganAtMs)).toBeLessThan(UPDATE_HICCUP_MS);
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra"]);

    await questions.renewPasswords();
    expect(questions.passwordOf("es-failover")).not.toBe(old.watchdog);
    for (const region of regions) {
      await untilServersUp(system, region, 3, 10_000);
      for (const node of await questions.nodesOf(region)) {
        const url = `${await questions.privateUrl(node)}/`;
        expect((await questions.asUser("es-failover", url)).status).toBe(200);
        for (const [name, password] of [
          ["es-failover", old.watchdog],
          ["haproxy-check", old.check],
        ] as const) {
          expect((await questions.asUser(name, url, { user: { name, password } })).status).toBe(REFUSED);
        }
      }
    }
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

/** Waits until each watchdog has had good answers of both regions, and of the store, since now. */
async function everySiteIsAnswered({ system }: LabUnderTest): Promise<void> {
  const sinceMs = Date.now();
  for (const site of stacks) {
    await untilSite(system, site, "is answered by both regions and by the store", (status) => {
      const answered = regions.every((region) => (healthOf(status, region)?.lastGoodAtMs ?? 0) > sinceMs);
      return answered && status.store.error === null && status.store.full === null;
    });
  }
}
