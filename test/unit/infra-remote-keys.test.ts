import { describe, expect, test } from "vitest";
import { missingRemoteKey } from "../../infra/elasticsearch/remote-keys.ts";
import type { KeyCommand, NodeCommands } from "../../infra/remote-keys/node-commands.ts";
import { type KeyVerb, remoteKeys } from "../../infra/remote-keys/remote-keys.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { RememberingPulumi, testConfig, validRawConfig } from "./infra-fixtures.ts";

const key = "es-failover:remoteKey";
const encoded = (id: string) => Buffer.from(`${id}:secret`).toString("base64");

/** Both regions' clusters and nodes in memory, with the command over them. */
function deployment(security = "api_key") {
  const stack = (region: string) => ({
    ...validRawConfig,
    "es-failover:region": region,
    "es-failover:remoteClusterSecurity": security,
  });
  const pulumi = new RememberingPulumi({ gra: stack("gra"), bhs: stack("bhs"), witness: stack("witness") });
  const keys: Record<string, string[]> = { gra: [], bhs: [] };
  /** The key that the nodes of a region have. */
  const held: Record<string, string[]> = { gra: ["", ""], bhs: ["", ""] };
  let made = 0;
  const nodes: NodeCommands = {
    async onOne({ config: { region } }, command: KeyCommand) {
      if (command.action === "make") {
        made += 1;
        keys[region] = [...(keys[region] ?? []), `${region}-${made}`];
        return { id: `${region}-${made}`, encoded: encoded(`${region}-${made}`) };
      }
      if (command.action !== "end") throw new Error("only a cluster's own keys are asked of one node");
      const ids = (keys[region] ?? []).filter((id) => id !== command.keep);
      keys[region] = [command.keep];
      return { ids };
    },
    async onEach({ config: { region } }) {
      return new Map((held[region] ?? []).map((id, position) => [`${region}-es-${position + 1}`, { id }]));
    },
  };
  const said: string[] = [];
  const project = {
    stacks: Object.keys(pulumi.held),
    pulumi,
    directory: ".",
    nodes,
    say: (line: string) => said.push(line),
  };
  return {
    ...{ keys, held, said, pulumi },
    run: (verb: KeyVerb, ...regions: readonly string[]) => remoteKeys(verb, regions, project),
    /** `pulumi up` of one region. */
    update(region: string) {
      const id =
        Buffer.from(pulumi.held[region]?.[key] ?? "", "base64")
          .toString()
          .split(":")[0] ?? "";
      held[region] = [id, id];
    },
  };
}

describe("npm run remote-keys", () => {
  test("stores the key of each region's cluster in the other region's stack, and shows none", async () => {
    const { run, keys, pulumi, said } = deployment();
    await run("begin");
    expect(pulumi.held["bhs"]?.[key]).toBe(encoded("gra-1"));
    expect(pulumi.held["gra"]?.[key]).toBe(encoded("bhs-2"));
    expect(pulumi.held["witness"]?.[key]).toBeUndefined();
    expect(keys).toEqual({ gra: ["gra-1"], bhs: ["bhs-2"] });
    expect(said.at(-1)).toMatch(/^Run `pulumi up` for gra and bhs, then `npm run remote-keys -- end`/);
    expect(said.join()).not.toContain(encoded("gra-1"));
  });

  test("keeps the key before valid until every node of the follower has the new one", async () => {
    const { run, update, keys, held } = deployment();
    await run("begin");
    for (const region of ["gra", "bhs"]) update(region);
    await run("begin", "gra");
    expect(keys).toEqual({ gra: ["gra-1", "gra-3"], bhs: ["bhs-2"] });
    await expect(run("end", "gra")).rejects.toThrow(
      /bhs-es-1, bhs-es-2 follow gra by an earlier key.*`pulumi up` for bhs first/,
    );
    held["bhs"] = ["gra-3", "gra-1"];
    await expect(run("end", "gra")).rejects.toThrow(/^bhs-es-2 follows gra by an earlier key/);
    expect(keys["gra"]).toEqual(["gra-1", "gra-3"]);
    update("bhs");
    await run("end");
    expect(keys).toEqual({ gra: ["gra-3"], bhs: ["bhs-2"] });
  });

  test("ends what an interrupted step has left", async () => {
    const { run, update, keys, pulumi } = deployment();
    pulumi.failsAt = 1;
    await expect(run("begin", "gra")).rejects.toThrow("interrupted");
    await run("begin");
    for (const region of ["gra", "bhs"]) update(region);
    await run("end");
    expect(keys).toEqual({ gra: ["gra-2"], bhs: ["bhs-3"] });
  });

  test("refuses what is not due, with what to do, and changes nothing", async () => {
    const certified = deployment("certificate");
    await expect(certified.run("begin")).rejects.toThrow(/gra is configured with remoteClusterSecurity certificate/);
    expect(certified.keys).toEqual({ gra: [], bhs: [] });
    const { run } = deployment();
    await expect(run("end", "gra")).rejects.toThrow(
      /bhs has no key of gra's cluster: run `npm run remote-keys -- begin gra`/,
    );
    await expect(run("begin", "sbg")).rejects.toThrow(/sbg is no region: name gra or bhs/);
  });
});

test("a region without the key that it needs is told how to get it", () => {
  const topology = planTopology(testConfig());
  const keyed = { remoteClusterSecurity: "api_key" } as const;
  expect(missingRemoteKey({ region: "gra", ...keyed }, topology)).toMatch(
    /^gra has no key of bhs's cluster yet .*`npm run remote-keys -- begin`, then `pulumi up` for both/,
  );
  expect(missingRemoteKey({ region: "gra", ...keyed, remoteKey: "aWQ6a2V5" }, topology)).toBeNull();
  expect(missingRemoteKey({ region: "witness", ...keyed }, topology)).toBeNull();
  expect(missingRemoteKey({ region: "gra", remoteClusterSecurity: "certificate" }, topology)).toBeNull();
});
