import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { initKeys } from "../../infra/config/schema.ts";
import { createCertificateAuthority } from "../../infra/init/certificate-authority.ts";
import { initialiseStacks } from "../../infra/init/init.ts";
import { planInit } from "../../infra/init/plan.ts";
import { projectOf, projectOptions } from "../../infra/init/project.ts";
import { createSshKeyPair } from "../../infra/init/ssh-key.ts";
import { RememberingPulumi } from "./infra-fixtures.ts";

const silent = () => {};

describe("npm run init", () => {
  test("gives every stack the same secrets", async () => {
    const pulumi = new RememberingPulumi();
    await initialiseStacks({ stacks: ["gra", "bhs"], pulumi, say: silent });
    expect(Object.keys(pulumi.held["gra"] ?? {})).toHaveLength(initKeys.length);
    expect(pulumi.held["bhs"]).toEqual(pulumi.held["gra"]);
  });

  test("changes nothing when it is run again", async () => {
    const pulumi = new RememberingPulumi();
    await initialiseStacks({ stacks: ["gra", "bhs"], pulumi, say: silent });
    const before = structuredClone(pulumi.held);
    pulumi.writes = 0;
    await initialiseStacks({ stacks: ["gra", "bhs"], pulumi, say: silent });
    expect(pulumi.writes).toBe(0);
    expect(pulumi.held).toEqual(before);
  });

  test("gives a new stack the values of the others", async () => {
    const pulumi = new RememberingPulumi();
    await initialiseStacks({ stacks: ["gra"], pulumi, say: silent });
    await initialiseStacks({ stacks: ["gra", "bhs"], pulumi, say: silent });
    expect(pulumi.held["bhs"]).toEqual(pulumi.held["gra"]);
  });

  test("prints no secret", async () => {
    const pulumi = new RememberingPulumi();
    const lines: string[] = [];
    await initialiseStacks({ stacks: ["gra"], pulumi, say: (line) => lines.push(line) });
    for (const value of Object.values(pulumi.held["gra"] ?? {})) expect(lines.join("\n")).not.toContain(value);
  });

  test("takes the stacks of this checkout where none is named", () => {
    const { stacks } = projectOf({ "project-directory": projectOptions["project-directory"].default });
    expect(stacks).toEqual(["bhs", "gra", "witness"]);
  });

  test("refuses stacks with different values, and half of a pair", () => {
    expect(() => planInit({ gra: { appPassword: "a" }, bhs: { appPassword: "b" } })).toThrow(
      /different values of appPassword/,
    );
    expect(() => planInit({ gra: { caCertificate: "c" }, bhs: {} })).toThrow(/gra lacks caPrivateKey/);
  });
});

describe("init creates", () => {
  test("a certificate authority that may sign hosts' certificates and no further authority", async () => {
    const { certificatePem, privateKeyPem } = await createCertificateAuthority(new Date("2026-01-01T00:00:00Z"));
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.ca).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(privateKeyPem))).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(2036);
  });

  test("an SSH key pair that OpenSSH reads", async () => {
    const { publicKey, privateKey } = createSshKeyPair("es-failover");
    const directory = await mkdtemp(path.join(tmpdir(), "infra-init-"));
    try {
      const file = path.join(directory, "key");
      await writeFile(file, privateKey, { mode: 0o600 });
      expect(execFileSync("ssh-keygen", ["-y", "-P", "", "-f", file], { encoding: "utf8" }).trim()).toBe(publicKey);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
