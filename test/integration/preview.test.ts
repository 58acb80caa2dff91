import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { initialiseStacks } from "../../infra/init/init.ts";
import { pulumiCli } from "../../infra/init/pulumi-cli.ts";
import { PulumiEngine } from "../../lab/cloud/engine.ts";
import { projectVariable } from "../../lab/cloud/ovh/project.ts";
import { pulumiBinDirectory } from "../../lab/machine/pulumi.ts";
import { messageOf } from "../../watchdog/util/errors.ts";

const checkout = path.join(import.meta.dirname, "..", "..");
const missing = existsSync(path.join(pulumiBinDirectory, "pulumi"))
  ? ""
  : "(skipped: no Pulumi CLI yet; `npm test` builds it)";

/** What a user sets before the first `pulumi up`; the project's own files have everything else. */
const usersValues = {
  "es-failover:serviceName": "0123456789abcdef0123456789abcdef",
  "es-failover:adminCidrs": ["203.0.113.7/32"],
  "es-failover:elasticsearch": { version: "9.5.3", licence: "trial" },
};

describe.skipIf(missing !== "")(`pulumi preview of the users' own project files ${missing}`, () => {
  let directory: string;
  let engine: PulumiEngine;
  let pack: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "preview-"));
    engine = await PulumiEngine.open({ usersProject: checkout, directory });
    pack = await engine.policyPack(path.join(checkout, "policy"));
    const pulumi = pulumiCli(engine.directory, engine.environment);
    await initialiseStacks({ stacks: ["gra", "bhs", "witness"], pulumi, say: () => {} });
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function complaint(values: Readonly<Record<string, unknown>>): Promise<string> {
    await engine.prepareStack("gra", values);
    return engine.preview("gra").then(
      () => "no complaint",
      (error: unknown) => messageOf(error),
    );
  }

  test.each([
    ["gra", 50],
    ["bhs", 50],
    ["witness", 20],
  ])("%s needs no other site, and nothing but its files, and keeps every policy", async (stack, atLeast) => {
    await engine.prepareStack(stack, usersValues);
    const { changes, output } = await engine.preview(stack, { args: ["--policy-pack", pack] });
    expect(output).toMatch(/^ +✅ es-failover@/m);
    expect(changes.create).toBeGreaterThan(atLeast);
    expect(Object.keys(changes)).toEqual(["create"]);
  });

  test("with a status page behind a password keeps every policy, and shows the password nowhere", async () => {
    const password = "correct horse battery staple";
    const page = { authentication: "password", cidrs: ["203.0.113.7/32"] };
    await engine.prepareStack("gra", { ...usersValues, "es-failover:page": page });
    await engine.setSecret("gra", "es-failover:pagePassword", password);
    const { output } = await engine.preview("gra", { args: ["--policy-pack", pack] });
    expect(output).toMatch(/^ +✅ es-failover@/m);
    expect(output).not.toContain(password);
  });

  test.each(["gra", "witness"])("%s with monitoring keeps every policy, and shows no secret", async (stack) => {
    const secrets = {
      deadMansSwitchUrl: "https://switch.example.com/0123456789abcdef",
      alertsSecret: "https://a.example/x9",
    };
    await engine.prepareStack(stack, { ...usersValues, "es-failover:monitoring": { alerts: { kind: "slack" } } });
    for (const [key, value] of Object.entries(secrets)) await engine.setSecret(stack, `es-failover:${key}`, value);
    const { output } = await engine.preview(stack, { args: ["--policy-pack", pack] });
    expect(output).toMatch(/^ +✅ es-failover@/m);
    expect(output).toContain("monitoring-configuration");
    for (const secret of Object.values(secrets)) expect(output).not.toContain(secret);
  });

  test("with snapshots keeps every policy, and shows the keys of the object storage nowhere", async () => {
    const snapshots = { bucket: "es-backup", endpoint: "s3.rbx.io.cloud.ovh.net", region: "rbx" };
    await engine.prepareStack("gra", { ...usersValues, "es-failover:snapshots": snapshots });
    await engine.setSecret("gra", "es-failover:snapshotAccessKey", "the-access-key-of-the-storage");
    await engine.setSecret("gra", "es-failover:snapshotSecretKey", "the-secret-key-of-the-storage");
    const { output } = await engine.preview("gra", { args: ["--policy-pack", pack] });
    expect(output).toMatch(/^ +✅ es-failover@/m);
    expect(output).toContain("gra-snapshots");
    expect(output).not.toContain("-key-of-the-storage");
  });

  test.each(["gra", "witness"])(
    "%s behind a bastion, with its entries alone on the internet, keeps every policy",
    async (stack) => {
      await engine.prepareStack(stack, {
        ...usersValues,
        "es-failover:regions": {
          gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", publicAddresses: "entries" },
          bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", publicAddresses: "entries" },
        },
        "es-failover:witness": { ovhRegion: "DE1", cidr: "192.168.3.0/24", publicAddresses: "none" },
        "es-failover:adminCidrs": [],
        "es-failover:bastion": {
          ...{ host: "203.0.113.10", user: "jump", hostKey: "ecdsa-sha2-nistp256 AAAA", privateIp: "192.168.1.195" },
        },
      });
      const { output } = await engine.preview(stack, { args: ["--policy-pack", pack] });
      expect(output).toMatch(/^ +✅ es-failover@/m);
      expect(output).toContain(`${stack}-gateway`);
    },
  );

  test("without OVHcloud's credentials, says which are missing and where to set them, and shows no stack trace", async () => {
    const { OVH_ENDPOINT: endpoint = "", OVH_CONSUMER_KEY: key = "" } = engine.environment;
    Object.assign(engine.environment, { OVH_ENDPOINT: "", OVH_CONSUMER_KEY: "" });
    const said = await complaint(usersValues);
    Object.assign(engine.environment, { OVH_ENDPOINT: endpoint, OVH_CONSUMER_KEY: key });
    expect(said).toMatch(
      /credentials are incomplete: ovh:endpoint, ovh:consumerKey missing\. .*pulumi config set --secret/,
    );
    expect(said).not.toMatch(/^ +at /m);
  });

  test("in a project without vRack, and with too small a quota, says so in a sentence each, before anything is planned", async () => {
    Object.assign(engine.environment, { [projectVariable]: JSON.stringify({ hasVrack: false, instances: 4 }) });
    const said = await complaint(usersValues);
    Object.assign(engine.environment, { [projectVariable]: "{}" });
    expect(said).toContain("The OVHcloud project has no vRack: attach one");
    expect(said).toContain("OVHcloud's quota in GRA11 allows 4 instances, 0 are in use, and the stack needs 5 more");
    expect(said).not.toMatch(/CloudInstance|^ +at /m);
  });

  test("without the user's own values, names all that are missing and shows no stack trace", async () => {
    const said = await complaint({});
    expect(said).toContain("es-failover:serviceName is missing: write the ID of your OVHcloud Public Cloud project");
    expect(said).toContain("es-failover:adminCidrs is missing: write the networks that you administer from");
    expect(said).toMatch(/es-failover:elasticsearch\.licence is missing: write "file" .* or "trial" for a test/);
    expect(said).not.toMatch(/^\s+at /m);
  });

  const wrong = {
    configuration: {
      adminCidrs: ["0.0.0.0/0", 'es-failover:adminCidrs[0] is "0.0.0.0/0": a network this wide would open SSH'],
      regoin: [
        "gra",
        "es-failover:regoin is not a known key of Pulumi.gra.yaml or Pulumi.yaml; the closest one is es-failover:region.",
      ],
      failback: [{ automatic: "soon" }, 'es-failover:failback.automatic is "soon": write true or false.'],
      switchover: [{ maxPauseMs: 1 }, "the closest one is es-failover:switchover.maxWritePauseMs."],
    },
    plan: { witness: ["none", "es-failover:regions has haproxyNodes bhs 2, gra 2, and es-failover:witness is none"] },
    flavor: {
      flavors: [{ elasticsearch: "b3-1000" }, 'OVHcloud offers no flavor named "b3-1000" in GRA11. There are: '],
    },
    image: { image: ["Debian 31", 'OVHcloud offers no image named "Debian 31" in GRA11. There are: '] },
  } as const;
  test.each(Object.entries(wrong))(
    "wrong values of the %s are named at once, with what is allowed",
    async (_, values) => {
      const configured = Object.entries(values).map(([key, [value]]) => [`es-failover:${key}`, value]);
      const said = await complaint({ ...usersValues, ...Object.fromEntries(configured) });
      for (const [, message] of Object.values(values)) expect(said).toContain(message);
      expect(said).not.toMatch(/^\s+at /m);
    },
  );
});
