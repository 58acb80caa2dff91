import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PulumiEngine, PulumiError } from "../../lab/cloud/engine.ts";
import { pulumiStep } from "../../lab/machine/pulumi.ts";

const usersProject = path.join(import.meta.dirname, "cloud-projects", "local");
const stack = "test";
const hasPulumi = await pulumiStep.isDone();

describe.skipIf(!hasPulumi)(
  `the real engine with the lab's providers, without a lab${hasPulumi ? "" : " (no Pulumi CLI: npm test makes one)"}`,
  () => {
    let directory: string;
    let log: string;
    let engine: PulumiEngine;

    const logged = async (): Promise<string[]> => (await readFile(log, "utf8")).trim().split("\n");

    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), "cloud-local-"));
      log = path.join(directory, "scripts.log");
      await writeFile(log, "");
      engine = await PulumiEngine.open({ usersProject, directory: path.join(directory, "engine") });
      await engine.prepareStack(stack, { "cloud-local:log": log });
    });

    afterAll(async () => {
      await rm(directory, { recursive: true, force: true });
    });

    test("a preview lists what would be made, and makes nothing", async () => {
      const { changes } = await engine.preview(stack);
      expect(changes).toEqual({ create: 10 });
      expect(await readFile(log, "utf8")).toBe("");
    });

    test("up makes working certificates, and a secret stays secret, but not what a script prints of it", async () => {
      const { changes, output } = await engine.up(stack);
      expect(changes.create).toBe(10);
      const shown = await engine.outputs(stack);
      expect(shown["password"]).toBe("[secret]");
      expect(shown["passwordBytes"]).toBe("24");
      const { password, caCertificate, hostCertificate } = await engine.outputs(stack, {
        showSecrets: true,
      });
      expect(output).not.toContain(password);
      const ca = new X509Certificate(String(caCertificate));
      const host = new X509Certificate(String(hostCertificate));
      expect(host.verify(ca.publicKey)).toBe(true);
      expect(host.checkHost("localhost")).toBe("localhost");
      expect(host.checkIP("192.168.1.11")).toBe("192.168.1.11");
      expect(ca.ca).toBe(true);
      expect(await logged()).toEqual(expect.arrayContaining(["create", "replaced-create"]));
    });

    test("the stored state has no secret in plain text", async () => {
      const { password } = await engine.outputs(stack, { showSecrets: true });
      const state = await engine.run(["stack", "export", "--stack", stack]);
      expect(state).not.toContain(password);
      expect(state).not.toContain("PRIVATE KEY-----");
    });

    test("a second up without a change does nothing", async () => {
      const { changes } = await engine.up(stack, { args: ["--expect-no-changes"] });
      expect(changes).toEqual({ same: 10 });
    });

    test("a refresh finds nothing changed", async () => {
      const { changes } = await engine.refresh(stack, { args: ["--expect-no-changes"] });
      expect(changes).toEqual({ same: 10 });
    });

    test("a changed script runs `update` with the previous run's output in its environment", async () => {
      await engine.prepareStack(stack, { "cloud-local:log": log, "cloud-local:greeting": "good morning" });
      const { changes } = await engine.up(stack);
      expect(changes).toEqual({ same: 9, update: 1 });
      expect((await logged()).at(-1)).toBe("update after made");
      expect((await engine.outputs(stack))["greeting"]).toBe("good morning");
    });

    test("a changed trigger replaces a command, also one that has `update`, as the real provider does", async () => {
      const before = (await engine.outputs(stack))["ids"];
      await writeFile(log, "");
      const configuration = { "cloud-local:log": log, "cloud-local:greeting": "good morning" };
      await engine.prepareStack(stack, { ...configuration, "cloud-local:trigger": "second" });
      const { changes } = await engine.up(stack);
      expect(changes).toEqual({ same: 8, replace: 2 });
      expect((await logged()).sort()).toEqual(["create", "delete", "replaced-create", "replaced-delete"]);
      const after = (await engine.outputs(stack))["ids"];
      expect(after).toEqual([expect.anything(), expect.anything()]);
      expect((after as string[])[0]).not.toBe((before as string[])[0]);
      expect((after as string[])[1]).not.toBe((before as string[])[1]);
    });

    test("an impossible input is refused before anything happens", async () => {
      await engine.prepareStack(stack, { "cloud-local:log": log, "cloud-local:passwordLength": "0" });
      const failure = await engine.preview(stack).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(PulumiError);
      expect(String(failure)).toContain("must be a whole number from 1");
    });

    test("destroy runs the delete scripts and leaves nothing in the stack", async () => {
      await writeFile(log, "");
      const { changes } = await engine.destroy(stack);
      expect(changes).toEqual({ delete: 10 });
      expect((await logged()).sort()).toEqual(["delete", "replaced-delete"]);
      const state = JSON.parse(await engine.run(["stack", "export", "--stack", stack])) as {
        deployment: { resources?: unknown[] };
      };
      expect(state.deployment.resources ?? []).toEqual([]);
    });
  },
);
