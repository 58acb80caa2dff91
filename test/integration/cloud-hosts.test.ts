import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PulumiEngine, PulumiError } from "../../lab/cloud/engine.ts";
import { Lab } from "../../lab/hosts/lab.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { pulumiStep } from "../../lab/machine/pulumi.ts";
import { removeLabWithThisProcess } from "../lab-guard.ts";

const usersProject = path.join(import.meta.dirname, "cloud-projects", "hosts");
const stack = "test";
const obstacles = [...(await labObstacles()), ...((await pulumiStep.isDone()) ? [] : ["There is no Pulumi CLI."])];
const suffix = obstacles.length === 0 ? "" : ` (not run: ${obstacles.join(" ")})`;

interface Outputs {
  readonly addresses: { readonly first: string; readonly second: string };
  readonly instanceIds: { readonly first: string; readonly second: string };
  readonly hostIds: readonly string[];
  readonly [name: string]: unknown;
}

describe.skipIf(obstacles.length > 0)(`the lab's cloud under the real engine${suffix}`, () => {
  let scratch: string;
  let lab: Lab;
  let engine: PulumiEngine;

  const configure = (configuration: Record<string, string> = {}) =>
    engine.prepareStack(stack, { "cloud-hosts:adminCidr": "10.80.0.0/24", ...configuration });
  const outputs = async () => (await engine.outputs(stack, { showSecrets: true })) as Outputs;
  const cloudState = async (): Promise<Record<string, Record<string, unknown>>> =>
    JSON.parse(await readFile(path.join(lab.directory, "cloud.json"), "utf8"));

  /** Whether the private network lets a connection from `second` through to a listening port of `first`. */
  async function reaches(port: number): Promise<boolean> {
    const connect = `timeout 2 bash -c 'exec 3<>/dev/tcp/192.168.1.11/${port}'`;
    return (await lab.exec("second", ["bash", "-c", connect])).exitCode === 0;
  }

  /** Makes the first host's systemd itself listen: the port is open once this returns. */
  async function listenOn(port: number): Promise<void> {
    const socket = [`--unit=listen-${port}`, `--socket-property=ListenStream=${port}`];
    const started = await lab.exec("first", ["systemd-run", "--quiet", ...socket, "sleep", "infinity"]);
    expect(started).toMatchObject({ exitCode: 0 });
    const connected = await lab.exec("first", ["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${port}`]);
    expect(connected).toMatchObject({ exitCode: 0 });
  }

  beforeAll(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), "cloud-hosts-"));
    removeLabWithThisProcess(scratch);
    lab = await Lab.create({ directory: path.join(scratch, "lab") });
    engine = await PulumiEngine.open({ usersProject, directory: path.join(scratch, "engine"), lab });
    await configure();
  });

  afterAll(async () => {
    await lab?.destroy();
    await rm(scratch, { recursive: true, force: true });
  });

  test("a preview works without a lab, and makes nothing in one", async () => {
    const withoutLab = await PulumiEngine.open({ usersProject, directory: path.join(scratch, "preview") });
    await withoutLab.prepareStack(stack, { "cloud-hosts:adminCidr": "10.80.0.0/24" });
    expect((await withoutLab.preview(stack)).changes).toEqual({ create: 20 });
    expect(await lab.hosts()).toEqual([]);
  });

  test("up without a lab fails with the reason", async () => {
    const withoutLab = await PulumiEngine.open({ usersProject, directory: path.join(scratch, "preview") });
    await expect(withoutLab.up(stack)).rejects.toThrow("there is no lab to make anything in");
  });

  test("up makes hosts that answer SSH on the declared addresses", async () => {
    const { changes, output } = await engine.up(stack);
    expect(changes).toEqual({ create: 20 });
    const { addresses, hostIds, ...rest } = await outputs();
    const running = await lab.hosts();
    expect(running.map(({ name, region, privateIp, power }) => ({ name, region, privateIp, power }))).toEqual([
      { name: "first", region: "gra", privateIp: "192.168.1.11", power: "running" },
      { name: "second", region: "bhs", privateIp: "192.168.2.11", power: "running" },
    ]);
    expect(running.map(({ publicIp }) => publicIp)).toEqual([addresses.first, addresses.second]);
    expect(new Set(hostIds).size).toBe(2);
    expect(rest).toMatchObject({ status: "READY", name: "first\n27", copy: "copied text" });
    expect(output).not.toContain("a secret that must not show");
  });

  test("a copied directory loses its executable bits, as with the published provider", async () => {
    const { listing } = await outputs();
    expect(listing).toBe("/tmp/project/Pulumi.yaml 644\n/tmp/project/index.ts 644");
  });

  test("what a command prints is plain in the outputs, also where it reads a secret, as with the real provider", async () => {
    expect((await engine.outputs(stack))["name"]).toBe("first\n27");
  });

  test("a second up without a change does nothing", async () => {
    expect((await engine.up(stack, { args: ["--expect-no-changes"] })).changes).toEqual({ same: 20 });
  });

  test("an undeclared port is closed, and opens when a rule is added", async () => {
    await listenOn(8080);
    expect(await reaches(8080)).toBe(false);
    await configure({ "cloud-hosts:openPorts": "8080" });
    expect((await engine.up(stack)).changes).toEqual({ same: 19, update: 1 });
    expect(await reaches(8080)).toBe(true);
    await listenOn(8081);
    expect(await reaches(8081)).toBe(false);
  });

  test("the removal of a rule closes the port again", async () => {
    await configure();
    expect((await engine.up(stack)).changes).toEqual({ same: 19, update: 1 });
    expect(await reaches(8080)).toBe(false);
  });

  test("a changed input of a copy repeats the copy, and its trigger repeats the command that reads it", async () => {
    await configure({ "cloud-hosts:copyPath": "/tmp/second-copy", "cloud-hosts:fileSuffix": "b" });
    const { changes } = await engine.up(stack);
    expect(changes).toEqual({ same: 18, update: 1, replace: 1 });
    const found = await lab.exec("first", ["ls", "/tmp/second-copy", "/deleted"]);
    expect(found.exitCode).toBe(0);
    await configure();
    await engine.up(stack);
  });

  test("a host removed behind the engine's back is found by a refresh and rebuilt by up", async () => {
    const before = await outputs();
    await lab.removeHost("second");
    expect((await engine.refresh(stack)).changes.delete).toBe(1);
    await engine.up(stack);
    const after = await outputs();
    expect(after.instanceIds.second).not.toBe(before.instanceIds.second);
    expect(after.instanceIds.first).toBe(before.instanceIds.first);
    expect((await lab.host("second"))?.power).toBe("running");
  });

  test("a second stack fails over what the first one owns, and leaves nothing behind", async () => {
    const rival = await PulumiEngine.open({ usersProject, directory: path.join(scratch, "rival"), lab });
    await rival.prepareStack(stack, { "cloud-hosts:adminCidr": "10.80.0.0/24" });
    const before = await cloudState();
    const failure = await rival.up(stack).catch((error: unknown) => error);
    await rival.destroy(stack);
    expect(failure).toBeInstanceOf(PulumiError);
    // The engine may come to either first.
    expect(String(failure)).toMatch(/VLAN 42 is in use by the network \w+|an SSH key named operator already exists/);
    expect(await cloudState()).toEqual(before);
    expect(await lab.hosts()).toHaveLength(2);
  });

  test("destroy leaves neither a host nor a record", async () => {
    await engine.destroy(stack);
    expect(await lab.hosts()).toEqual([]);
    for (const [kind, records] of Object.entries(await cloudState()))
      expect({ [kind]: records }).toEqual({ [kind]: {} });
  });
});
