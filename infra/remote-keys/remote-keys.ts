/** `npm run remote-keys`: the cross-cluster API keys by which the regions follow each other. */
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { z } from "zod";
import { witnessName } from "../../watchdog/config/address.ts";
import { parseConfig } from "../config/load.ts";
import { fileOfKey } from "../config/project-files.ts";
import { configNamespace } from "../config/schema.ts";
import { keyName, keyRequest, keystoreEntry } from "../elasticsearch/remote-keys.ts";
import { type Project, projectOf, projectOptions, projectUsage } from "../init/project.ts";
import { commandsOverSsh, type NodeCommands, type Side } from "./node-commands.ts";

const verbs = ["begin", "end"] as const;
export type KeyVerb = (typeof verbs)[number];

const usage = `Usage: npm run remote-keys -- ${verbs.join("|")} [REGION]...
         [--stack NAME]... [--project-directory DIRECTORY]

With remoteClusterSecurity api_key, each region's cluster follows the other one by an API key that the other one has made:

  begin  makes a new key in the cluster of each REGION, by SSH, and stores it as a secret in the other region's stack; keys before
         it remain valid. \`pulumi up\` of that stack puts it into the keystores
  end    ends all keys of the cluster of each REGION but the one in the other region's stack, once all nodes there have that

  REGION  whose cluster makes or ends keys; default: both. After a region was rebuilt: that region

${projectUsage}`;

/** What the command works with. */
export interface KeyProject extends Project {
  /** Directory of Pulumi.yaml. */
  readonly directory: string;
  readonly nodes: NodeCommands;
}

const configKey = `${configNamespace}:remoteKey`;
const madeKey = z.object({ id: z.string(), encoded: z.string() });
const shownKey = z.object({ id: z.string() });
const endedKeys = z.object({ ids: z.array(z.string()) });

/**
 * Takes one step for the keys of some regions' clusters. One that was interrupted is repeated: what it left, `end` ends.
 *
 * @throws Error with what to do when the step is not due
 */
export async function remoteKeys(verb: KeyVerb, regions: readonly string[], project: KeyProject): Promise<void> {
  await project.pulumi.requireLogin();
  const sides = await sidesOf(project);
  const names = sides.map(({ config }) => config.region);
  const stranger = regions.find((region) => !names.includes(region));
  if (stranger !== undefined)
    throw new Error(`${stranger} is no region: name ${names.join(" or ")}, or none for both.`);
  const chosen = sides.filter(({ config }) => regions.length === 0 || regions.includes(config.region));
  for (const followed of chosen) {
    const follower = sides.find((side) => side !== followed);
    if (follower === undefined) throw new Error(`no stack follows ${followed.config.region}: name both with --stack`);
    await (verb === "begin" ? beginKey : endKeys)(followed, follower, project);
  }
  if (verb === "end") return;
  const followers = sides.filter((side) => chosen.some((followed) => followed !== side)).map(({ stack }) => stack);
  project.say(`Run \`pulumi up\` for ${followers.join(" and ")}, then \`npm run remote-keys -- end\`.`);
}

async function sidesOf({ stacks, pulumi, directory }: KeyProject): Promise<readonly Side[]> {
  const sides: Side[] = [];
  for (const stack of stacks) {
    const raw = await pulumi.config(stack);
    if (raw[`${configNamespace}:region`] === witnessName) continue;
    sides.push({ stack, config: parseConfig(raw, { fileOf: (key) => fileOfKey(directory, stack, key) }) });
  }
  for (const { stack, config } of sides) {
    if (config.remoteClusterSecurity === "api_key") continue;
    throw new Error(
      `${stack} is configured with remoteClusterSecurity ${config.remoteClusterSecurity}, for which there are no keys: set ` +
        `${configNamespace}:remoteClusterSecurity to api_key in Pulumi.yaml, and run \`pulumi up\` for both regions first.`,
    );
  }
  return sides;
}

async function beginKey(followed: Side, follower: Side, { pulumi, nodes, say }: KeyProject): Promise<void> {
  const { region, replication } = followed.config;
  const key = keyRequest(follower.config.region, replication.patterns);
  const { id, encoded } = madeKey.parse(await nodes.onOne(followed, { action: "make", key }));
  await pulumi.setSecret(follower.stack, configKey, encoded);
  say(`${follower.stack}: key ${id} of ${region}'s cluster is stored; it opens ${replication.patterns.join(", ")}`);
}

async function endKeys(followed: Side, follower: Side, { nodes, say }: KeyProject): Promise<void> {
  const { region } = followed.config;
  const { remoteKey } = follower.config;
  if (remoteKey === undefined) {
    throw new Error(
      `${follower.stack} has no key of ${region}'s cluster: run \`npm run remote-keys -- begin ${region}\`.`,
    );
  }
  const keep = Buffer.from(remoteKey, "base64").toString().split(":")[0] ?? "";
  const shown = await nodes.onEach(follower, { action: "show", entry: keystoreEntry(region) });
  const late = [...shown].filter(([, answer]) => shownKey.parse(answer).id !== keep).map(([name]) => name);
  if (late.length > 0) {
    throw new Error(
      `${late.join(", ")} follow${late.length === 1 ? "s" : ""} ${region} by an earlier key, or by none: run \`pulumi up\` for ` +
        `${follower.stack} first. No key was ended in ${region}.`,
    );
  }
  const name = keyName(follower.config.region);
  const { ids } = endedKeys.parse(await nodes.onOne(followed, { action: "end", name, keep }));
  say(
    `${followed.stack}: key ${keep} is the only one of ${follower.config.region}; earlier ones that were ended: ${ids.length}`,
  );
}

/** The command. Returns its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: projectOptions });
  const [word, ...regions] = positionals;
  const verb = verbs.find((name) => name === word);
  if (values.help || verb === undefined) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  const directory = path.resolve(values["project-directory"]);
  const nodes = commandsOverSsh({ directory, environment: process.env });
  await remoteKeys(verb, regions, { ...projectOf(values), directory, nodes });
  return 0;
}
