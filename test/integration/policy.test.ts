import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCertificateAuthority } from "../../infra/init/certificate-authority.ts";
import { PulumiEngine, PulumiError } from "../../lab/cloud/engine.ts";
import { pulumiStep } from "../../lab/machine/pulumi.ts";

const checkout = path.join(import.meta.dirname, "..", "..");
const usersProject = path.join(import.meta.dirname, "cloud-projects", "policy");
const hasPulumi = await pulumiStep.isDone();

/** Rules whose violation a first preview shows, with what the message has to name. The others need a stack that exists. */
const violations: readonly (readonly [rule: string, message: string])[] = [
  ["only-the-entry-is-public", "gra-elasticsearch opens TCP 9200 to 0.0.0.0/0: only the entry"],
  ["only-the-entry-is-public", "gra-es-2 has no security group"],
  ["no-plaintext-port", "gra-elasticsearch opens TCP 80 to 192.168.0.0/16"],
  ["no-plaintext-service", "/etc/haproxy/haproxy.cfg, which plain-haproxy writes, has `bind :9200`"],
  ["peers-only", "gra-elasticsearch opens TCP 9300 to 192.168.0.0/16, which is none of the Elasticsearch nodes"],
  ["ssh-from-administrators", "gra-elasticsearch opens SSH (TCP 22) to 198.51.100.0/24, which is not within"],
  ["public-addresses-as-declared", "gra-es-2 has an interface besides its address 192.168.1.12"],
  ["public-addresses-as-declared", "gra has hosts without a public address, and no gateway"],
  ["hosts-are-protected", "The host gra-es-1 is not protected"],
  ["hosts-are-spread", "gra-es-1 is in no anti-affinity group"],
  ["hosts-are-spread", "gra-together has the policy AFFINITY"],
  ["odd-voters", "gra has 2 master-eligible Elasticsearch nodes"],
  ["odd-voters", "etcd has 2 members"],
  ["sites-are-apart", "gra (GRA11) and bhs (GRA9) are on the campus GRA"],
  ["sites-are-apart", "The networks of gra (192.168.1.0/24) and bhs (192.168.1.128/25) overlap"],
  ["versions-are-pinned", `Elasticsearch's version is "9.x"`],
  ["versions-are-pinned", "bhs with 9.5.3 and Debian 13"],
  ["heap-fits-flavor", "heap of 12g does not fit the flavor b3-16 with 16 GB"],
  ["authority-is-valid", "The authority that signs gra-es-1-certificate ends in 30 days"],
  ["no-plain-secrets", "The text of in-the-text (create) has a secret"],
  ["no-plain-secrets", "in-the-input has a private key in plain text in stdin"],
  ["no-secret-in-state", "in-the-environment has a secret in plain text in environment.TOKEN"],
];

describe.skipIf(!hasPulumi)(
  `the policy pack in the real engine${hasPulumi ? "" : " (no Pulumi CLI: npm test makes one)"}`,
  () => {
    let directory: string;
    let output = "";

    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), "policy-"));
      const engine = await PulumiEngine.open({ usersProject, directory });
      const days = 86_400_000;
      const authority = await createCertificateAuthority(new Date(Date.now() - (3_652 - 30.5) * days));
      await engine.prepareStack("test", { "cloud-policy:authority": authority.certificatePem });
      await engine.setSecret("test", "cloud-policy:authorityKey", authority.privateKeyPem);
      await engine.setSecret("test", "cloud-policy:password", "correct-horse-battery-staple");
      const others = path.join(directory, "others.json");
      const versions = { bhs: { elasticsearch: "9.5.3", image: "Debian 13" } };
      await writeFile(others, JSON.stringify({ "versions-are-pinned": { versions } }));
      const pack = await engine.policyPack(path.join(checkout, "policy"));
      const args = ["--policy-pack", pack, "--policy-pack-config", others];
      const failure: unknown = await engine.preview("test", { args }).catch((error: unknown) => error);
      if (!(failure instanceof PulumiError)) throw new Error("the preview did not fail");
      output = failure.output;
    });

    afterAll(() => rm(directory, { recursive: true, force: true }));

    test.each(violations)("%s is violated by a stack in which: %s", (rule, message) => {
      const policies = output.slice(output.indexOf("Policies:"));
      const start = policies.indexOf(message);
      expect(policies).toContain(message);
      // The CLI prints the rule, its purpose and then the messages.
      expect(policies.slice(0, start)).toContain(`[mandatory]  ${rule}`);
    });

    test("no message has a secret", () => {
      expect(output).not.toContain("correct-horse-battery-staple");
      expect(output).not.toContain("PRIVATE KEY");
    });
  },
);
