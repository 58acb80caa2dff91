/**
 * The Pulumi program: `pulumi up` in a stack makes or changes that stack's region. It sets up machines and software; who
 * is active is the watchdog's, and nothing here sets, reads or reverts it.
 */
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { buildWatchdogBundle } from "../watchdog/bundle.ts";
import { ConfigError } from "../watchdog/config/violations.ts";
import { parseConfig } from "./config/load.ts";
import { fileOfKey } from "./config/project-files.ts";
import type { StackConfig } from "./config/schema.ts";
import { Region } from "./region.ts";

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
const region = new Region(config.region, { config, bundle: await buildWatchdogBundle() });

/** Every host of the region, with its addresses and how to log in. */
export const hosts = region.hosts;
/** Where applications send their requests, at any region's entry: all of them route to the active region. */
export const entry = region.entry;
/** Applications verify the entry's certificate with this. */
export const caCertificate = `${config.caCertificate}\n`;
/** `pulumi stack output sshPrivateKey --show-secrets > key && chmod 600 key` for logging in to the hosts. */
export const sshPrivateKey = pulumi.secret(`${config.sshPrivateKey}\n`);
/** The application's user; its password: `pulumi config get appPassword`. */
export const appUser = "app";
