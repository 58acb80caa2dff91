/**
 * The Pulumi program: `pulumi up` in a stack creates or changes that stack's site. It provisions machines and software.
 * The watchdogs decide which region is active, and nothing here sets, reads or reverts it.
 */
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { buildWatchdogBundle } from "../watchdog/bundle.ts";
import { ConfigError } from "../watchdog/config/violations.ts";
import { projectViolations, readProject } from "./cloud-project.ts";
import { missingCredentials } from "./config/credentials.ts";
import { parseConfig } from "./config/load.ts";
import { fileOfKey } from "./config/project-files.ts";
import { trustedCertificates } from "./config/rotation.ts";
import type { StackConfig } from "./config/schema.ts";
import { deadAgent } from "./config/ssh-agent.ts";
import { missingRemoteKey } from "./elasticsearch/remote-keys.ts";
import { Region } from "./region.ts";
import { planTopology } from "./topology/plan.ts";

/** Where Pulumi.yaml is. Language hosts before 3.181 do not pass it to `pulumi.getRootDirectory()`. */
const projectDirectory = path.dirname(import.meta.dirname);

function readConfig(): StackConfig {
  try {
    const fileOf = (key: string) => fileOfKey(projectDirectory, pulumi.getStack(), key);
    return parseConfig(pulumi.runtime.allConfig(), { fileOf });
  } catch (error) {
    // Pulumi prints a RunError without a stack trace.
    if (error instanceof ConfigError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

const config = readConfig();
const problem =
  missingCredentials({ raw: pulumi.runtime.allConfig(), environment: process.env }) ?? (await deadAgent(process.env));
if (problem !== null) throw new pulumi.RunError(problem);
const project = await readProject(config, (text) => void pulumi.log.warn(text));
const violations = projectViolations(config, project);
if (violations.length > 0) throw new pulumi.RunError(violations.join("\n"));
const unkeyed = missingRemoteKey(config, planTopology(config));
if (unkeyed !== null) void pulumi.log.warn(unkeyed);
const region = new Region(config.region, { config, bundle: await buildWatchdogBundle() });

/** Every host of the site, with its addresses and how to log in. */
export const hosts = region.hosts;
/** Where applications send requests. Every entry, of either region, routes to the active region. */
export const entry = region.entry;
/** The authority with which applications verify an entry's certificate; both while one is replaced. */
export const caCertificate = trustedCertificates(config);
/** To log in to the hosts: `pulumi stack output sshPrivateKey --show-secrets > key && chmod 600 key`. */
export const sshPrivateKey = pulumi.secret(`${config.sshPrivateKey}\n`);
/** The application's user. Its password: `pulumi config get appPassword`. */
export const appUser = "app";
