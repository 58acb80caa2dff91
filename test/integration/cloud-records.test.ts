import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { destroyStack } from "../../infra/destroy/destroy.ts";
import { previewDestruction } from "../../infra/preview/preview.ts";
import { PulumiEngine } from "../../lab/cloud/engine.ts";
import { labDirectoryVariable } from "../../lab/cloud/ovh/cloud.ts";
import { orphansVariable } from "../../lab/cloud/ovh/recorded-type.ts";
import type { CloudState } from "../../lab/cloud/ovh/state.ts";
import { pulumiStep } from "../../lab/machine/pulumi.ts";
import { messageOf } from "../../watchdog/util/errors.ts";

const usersProject = path.join(import.meta.dirname, "cloud-projects", "records");
const serviceName = "0123456789abcdef0123456789abcdef";
const stack = "gra";
const hasPulumi = await pulumiStep.isDone();

/** The ways out of docs/operations.md, "An update that failed" and "A region that is given up", on the program's own resources. */
describe.skipIf(!hasPulumi)(
  `what OVHcloud and the stack's state disagree about${hasPulumi ? "" : " (no Pulumi CLI: npm test makes one)"}`,
  () => {
    let directory: string;
    let engine: PulumiEngine;
    const cloudFile = () => path.join(directory, "lab", "cloud.json");
    const cloud = async () => JSON.parse(await readFile(cloudFile(), "utf8")) as CloudState;
    const failure = (work: Promise<unknown>) => work.then(() => "no failure", messageOf);
    const urnOf = async (name: string) => {
      const state = JSON.parse(await engine.run(["stack", "export", "--stack", stack])) as {
        deployment: { resources: readonly { readonly urn: string; readonly custom: boolean }[] };
      };
      const found = state.deployment.resources.find(({ urn, custom }) => custom && urn.endsWith(`::${name}`));
      return found?.urn ?? "";
    };

    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), "cloud-records-"));
      await mkdir(path.join(directory, "lab"));
      engine = await PulumiEngine.open({ usersProject, directory: path.join(directory, "engine") });
      Object.assign(engine.environment, { [labDirectoryVariable]: path.join(directory, "lab") });
      await engine.prepareStack(stack, { "cloud-records:publicKey": "ssh-ed25519 AAAA first" });
    });

    afterAll(() => rm(directory, { recursive: true, force: true }));

    test("a creation whose answer was lost is taken over by `pulumi import`, and the next up goes on", async () => {
      Object.assign(engine.environment, { [orphansVariable]: "es-failover-gra" });
      expect(await failure(engine.up(stack))).toContain("timeout while waiting for es-failover-gra to be READY");
      Object.assign(engine.environment, { [orphansVariable]: "" });
      const again = await failure(engine.up(stack));
      expect(again).toMatch(/409 Conflict: VLAN 42 is in use by the network es-failover-gra/);
      const { networks, sshKeys } = await cloud();
      const [id = ""] = Object.keys(networks);
      const parent = `gra=urn:pulumi:${stack}::cloud-records::es-failover:network:PrivateNetwork::gra`;
      const type = "ovh:index/cloudNetworkPrivateVrack:CloudNetworkPrivateVrack";
      const asked = ["import", type, "gra-network", `${serviceName}/${id}`, "--parent", parent];
      await engine.run([...asked, "--yes", "--protect=false", "--generate-code=false", "--stack", stack]);
      // A key cannot be imported: it is deleted in the console.
      expect(Object.keys(sshKeys)).toEqual(["es-failover-gra"]);
      await writeFile(cloudFile(), JSON.stringify({ ...(await cloud()), sshKeys: {} }));
      await engine.up(stack);
      expect(Object.keys((await cloud()).networks)).toEqual([id]);
      expect((await engine.up(stack, { args: ["--expect-no-changes"] })).changes.create).toBeUndefined();
    });

    test("a replaced SSH key takes the place of the one before", async () => {
      await engine.prepareStack(stack, { "cloud-records:publicKey": "ssh-ed25519 BBBB second" });
      expect((await engine.up(stack)).changes).toMatchObject({ replace: 1 });
      expect(Object.values((await cloud()).sshKeys).map(({ publicKey }) => publicKey)).toEqual([
        "ssh-ed25519 BBBB second",
      ]);
    });

    test("a refresh fails at a key that was deleted outside, and works again once the state forgets it", async () => {
      await writeFile(cloudFile(), JSON.stringify({ ...(await cloud()), sshKeys: {} }));
      expect(await failure(engine.refresh(stack))).toContain("404 Not Found: es-failover-gra");
      await engine.run(["state", "delete", await urnOf("gra-ssh-key"), "--yes", "--stack", stack]);
      expect((await engine.refresh(stack)).changes).not.toHaveProperty("delete");
      expect((await engine.up(stack)).changes.create).toBe(1);
    });

    /** An `ssh` that reaches the host at one address alone, whose watchdog knows this record. */
    async function pretendedSsh(answering: string, record: object): Promise<string> {
      const programs = await mkdtemp(path.join(directory, "ssh-"));
      const text = `#!/bin/sh
[ "$(cat "$(dirname "$2")/key")" = "a private key" ] || exit 1
if ! grep -qx "  HostName ${answering}" "$2"; then
  echo "ssh: connect to host: No route to host" >&2
  exit 255
fi
[ "$1 $3 $4" = "-F target sudo es-failover status --json" ] || exit 1
echo '${JSON.stringify({ record })}'
`;
      await writeFile(path.join(programs, "ssh"), text, { mode: 0o755 });
      return programs;
    }

    /** The command on the stack gra, and what it has printed. */
    async function destroyGra(record: object, activeToo = false, confirm = async () => true) {
      const programs = await pretendedSsh("203.0.113.2", record);
      const environment = { ...engine.environment, PATH: `${programs}:${engine.environment["PATH"]}` };
      const said: string[] = [];
      const setting = { directory: engine.directory, pack: "", environment, stacks: [stack, "bhs"] };
      const status = await destroyStack({ ...setting, stack, activeToo, confirm, say: (text) => said.push(text) });
      return { status, said: said.join("\n") };
    }

    test("a region that is destroyed leaves the other one as it is; neither the active one goes, nor what is not confirmed", async () => {
      await engine.up(stack);
      await engine.prepareStack("bhs", { "cloud-records:publicKey": "ssh-ed25519 BBBB second" });
      await engine.up("bhs");
      await engine.run(["state", "protect", await urnOf("gra-network"), "--yes", "--stack", stack]);
      const shown: string[] = [];
      const setting = { directory: engine.directory, pack: "", environment: engine.environment };
      expect(await previewDestruction(setting, [stack], (text) => shown.push(text))).toBe(0);
      expect(shown.join()).toMatch(/^ {2}protected {3}gra-network: Pulumi refuses to delete them/m);
      expect(await failure(engine.destroy(stack))).toMatch(/gra-network.*protected|protected.*gra-network/s);

      const before = await cloud();
      const active = await destroyGra({ phase: "serving", epoch: 3, active: "gra", standby: "in-sync" });
      expect(active.status).toBe(4);
      expect(active.said).toMatch(/^gra: `pulumi destroy` would delete \d+ resources$/m);
      expect(active.said).toMatch(/^ {2}no answer {3}gra-haproxy-1: ssh: connect to host: No route to host$/m);
      expect(active.said).toMatch(/^Refused: gra is the active region: `es-failover switchover`/m);
      const record = { phase: "serving", epoch: 4, active: "bhs", standby: "in-sync" };
      expect((await destroyGra(record, false, async () => false)).said).toContain(
        "Not confirmed: nothing was changed.",
      );
      expect(await cloud()).toEqual(before);

      const gone = await destroyGra(record);
      expect(gone.said).toContain(
        "bhs is active and goes on serving; until gra is built again and in sync, nothing can",
      );
      expect([gone.status, gone.said]).toEqual([0, expect.stringContaining("gra is gone.")]);
      const { networks, subnets, sshKeys } = await cloud();
      for (const left of [networks, subnets, sshKeys]) {
        expect(Object.values(left).map(({ name }) => name)).toEqual(["es-failover-bhs"]);
      }
      expect(Object.keys((await engine.preview("bhs", { args: ["--refresh"] })).changes)).toEqual(["same"]);
    });
  },
);
