import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renewStacks } from "../../infra/renewal/renew.ts";
import { PulumiEngine } from "../../lab/cloud/engine.ts";
import { pulumiStep } from "../../lab/machine/pulumi.ts";

const checkout = path.join(import.meta.dirname, "..", "..");
const usersProject = path.join(import.meta.dirname, "cloud-projects", "renewal");
const hasPulumi = await pulumiStep.isDone();

describe.skipIf(!hasPulumi)(`renewals${hasPulumi ? "" : " (skipped: no Pulumi CLI, npm test makes one)"}`, () => {
  let directory: string;
  let engine: PulumiEngine;
  let pack: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "renewal-"));
    engine = await PulumiEngine.open({ usersProject, directory: path.join(directory, "engine") });
    pack = await engine.policyPack(path.join(checkout, "policy"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const fileOf = (stack: string) => path.join(directory, `${stack}.crt`);
  const serialOf = async (stack: string) => new X509Certificate(await readFile(fileOf(stack))).serialNumber;
  const configure = (stack: string, configuration: Record<string, string>) =>
    engine.prepareStack(stack, { "cloud-renewal:file": fileOf(stack), ...configuration });
  /** Runs it as a schedule does. */
  async function renew(...stacks: readonly string[]) {
    const lines: string[] = [];
    const setting = { directory: engine.directory, pack, environment: { ...process.env, ...engine.environment } };
    return { status: await renewStacks(setting, stacks, (line) => lines.push(line)), lines };
  }

  test("a certificate near its end is replaced and given to its host; all else is left alone and named", async () => {
    const stacks = {
      fresh: {},
      changed: { "cloud-renewal:renewalHours": "1" },
      violating: { "cloud-renewal:renewalHours": "1", "cloud-renewal:authorityHours": "24" },
      due: { "cloud-renewal:renewalHours": "1" },
    };
    for (const [stack, configuration] of Object.entries(stacks)) {
      await configure(stack, configuration);
      await engine.up(stack);
    }
    await configure("changed", { ...stacks.changed, "cloud-renewal:greeting": "good day" });
    const names = Object.keys(stacks);
    const before = await Promise.all(names.map(serialOf));
    const { status, lines } = await renew(...names);
    expect(lines).toEqual([
      "fresh: no certificate is near its end",
      "changed: would change command:local:Command other",
      "changed: left alone: an update would change more than certificates. Look at it, and run `pulumi up` yourself",
      expect.stringMatching(/^violating: authority-is-valid: The authority that signs host ends in 0 days/),
      "violating: left alone: an update would violate these policies",
      "due: renewing host",
      "due: renewed",
    ]);
    expect(status).toBe(3);
    const after = await Promise.all(names.map(serialOf));
    expect(names.filter((_, index) => before[index] !== after[index])).toEqual(["due"]);
  });

  test("a stack that cannot be previewed ends it", async () => {
    const { status, lines } = await renew("unknown", "due");
    expect(status).toBe(1);
    expect(lines.join("\n")).toMatch(/^unknown: .*no stack named 'unknown' found/s);
    expect(lines.join("\n")).not.toContain("due:");
  });
});
