/** `npm run preview -- --lab`: previews of the users' own project with the lab's cloud. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createCertificateAuthority } from "../../infra/init/certificate-authority.ts";
import { createSshKeyPair } from "../../infra/init/ssh-key.ts";
import { type LabSetting, preview } from "../../infra/preview/main.ts";
import { pulumiStep } from "../machine/pulumi.ts";
import { runSteps } from "../machine/run-steps.ts";
import { PulumiEngine } from "./engine.ts";
import { configurationOf, type StackConfiguration } from "./project.ts";

const checkout = path.resolve(import.meta.dirname, "..", "..");

/** Examples for values that the user has not written into the project's files. */
const examples: StackConfiguration = {
  "es-failover:serviceName": "0123456789abcdef0123456789abcdef",
  "es-failover:adminCidrs": ["203.0.113.7/32"],
};

/** What `npm run init` makes, for stacks that end with the command: plain values in a directory that only its owner reads. */
export async function madeUpSecrets(): Promise<StackConfiguration> {
  const { certificatePem, privateKeyPem } = await createCertificateAuthority();
  const { publicKey, privateKey } = createSshKeyPair("preview");
  const passwords = ["watchdogPassword", "haproxyCheckPassword", "appPassword", "etcdRootPassword", "etcdPassword"];
  return {
    "es-failover:caCertificate": certificatePem,
    "es-failover:caPrivateKey": privateKeyPem,
    "es-failover:sshPublicKey": publicKey,
    "es-failover:sshPrivateKey": privateKey,
    ...Object.fromEntries(passwords.map((key) => [`es-failover:${key}`, randomBytes(24).toString("base64url")])),
  };
}

/** The users' values, with an example for each that is missing, and a licence that needs no file. */
async function previewConfiguration(stack: string, secrets: StackConfiguration): Promise<StackConfiguration> {
  const users = await configurationOf(checkout, stack);
  const missing = Object.fromEntries(Object.entries(examples).filter(([key]) => users[key] === undefined));
  const elasticsearch = users["es-failover:elasticsearch"];
  const section = typeof elasticsearch === "object" && elasticsearch !== null ? elasticsearch : {};
  return { ...missing, ...secrets, "es-failover:elasticsearch": { ...section, licence: "trial" } };
}

const inLab: LabSetting = async (stacks, work) => {
  await runSteps([pulumiStep]);
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-preview-"));
  try {
    const engine = await PulumiEngine.open({ usersProject: checkout, directory });
    const secrets = await madeUpSecrets();
    for (const stack of stacks) await engine.prepareStack(stack, await previewConfiguration(stack, secrets));
    const pack = await engine.policyPack(path.join(checkout, "policy"));
    return await work({ directory, pack, environment: engine.environment });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

export const main = (args: readonly string[]): Promise<number> => preview(args, inLab);
