import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse, stringify } from "yaml";
import { writeFileAtomically } from "../../watchdog/util/files.ts";
import { isMissing } from "../util/files.ts";
import { packageNames } from "./schema/schema.ts";

/** Directory of the stand-ins for the published providers. */
export const pluginDirectory: string = path.join(import.meta.dirname, "plugins");

interface ProjectFile {
  readonly name: string;
  readonly main?: string;
  readonly [key: string]: unknown;
}

/** A stack's settings file, which the CLI keeps in the project file's directory. */
interface StackFile {
  readonly encryptionsalt?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

export type StackConfiguration = Readonly<Record<string, unknown>>;

async function readYaml<T>(file: string): Promise<T | undefined> {
  try {
    return (parse(await readFile(file, "utf8")) ?? undefined) as T | undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Writes a project that runs the users' program with the lab's providers: a copy of their Pulumi.yaml in which `main` is
 * the full path of their program and `plugins` names the providers. Does not change the users' files.
 */
export async function writeLabProject(usersProject: string, directory: string): Promise<void> {
  const source = path.join(usersProject, "Pulumi.yaml");
  const project = await readYaml<ProjectFile>(source);
  if (project === undefined) throw new Error(`there is no Pulumi project: ${source} is missing`);
  const providers = packageNames.map((name) => ({ name, path: pluginDirectory }));
  const analyzers = [{ name: `policy-${policyRuntime}`, path: pluginDirectory }];
  const plugins = { providers, analyzers };
  const overlaid = { ...project, main: path.resolve(usersProject, project.main ?? "."), plugins };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFileAtomically(path.join(directory, "Pulumi.yaml"), stringify(overlaid), { mode: 0o644, durable: false });
}

/** Language of policy packs in the lab. Under the name `nodejs` the lab's language host would refuse to run one. */
const policyRuntime = "lab";

/**
 * Writes a policy pack that runs the users' one by the lab's plugin.
 *
 * @param usersPack directory of the users' PulumiPolicy.yaml
 * @returns the pack's directory, below `directory`
 */
export async function writeLabPolicyPack(usersPack: string, directory: string): Promise<string> {
  const source = path.join(usersPack, "PulumiPolicy.yaml");
  const project = await readYaml<Readonly<Record<string, unknown>>>(source);
  if (project === undefined) throw new Error(`there is no policy pack: ${source} is missing`);
  const pack = path.join(directory, "policy");
  await rm(pack, { recursive: true, force: true });
  await mkdir(pack, { recursive: true, mode: 0o700 });
  const overlaid = stringify({ ...project, runtime: policyRuntime });
  await writeFileAtomically(path.join(pack, "PulumiPolicy.yaml"), overlaid, { mode: 0o644, durable: false });
  for (const file of ["package.json", "main.mjs"]) await symlink(path.join(usersPack, file), path.join(pack, file));
  return pack;
}

/**
 * Writes a stack's settings: the lab's over those of the users' Pulumi.<stack>.yaml, if there is one. Keeps secrets that
 * were set in the lab's stack.
 */
export async function writeStackConfiguration(
  usersProject: string,
  directory: string,
  stack: string,
  overrides: StackConfiguration,
): Promise<void> {
  const name = `Pulumi.${stack}.yaml`;
  const file = path.join(directory, name);
  const [users, current] = await Promise.all([
    readYaml<StackFile>(path.join(usersProject, name)),
    readYaml<StackFile>(file),
  ]);
  const inUse = Object.entries(current?.config ?? {});
  // The users' stack has another salt, so their encrypted values are unreadable here.
  const plain = Object.entries(users?.config ?? {}).filter(([, value]) => !isSecret(value));
  const secrets = inUse.filter(([, value]) => isSecret(value));
  const config = { ...Object.fromEntries(plain), ...Object.fromEntries(secrets), ...overrides };
  if (isDeepStrictEqual(config, current?.config)) return;
  await writeFileAtomically(file, stringify({ ...current, config }), { mode: 0o600, durable: false });
}

/** What the users' files set for a stack: its own values over the project's defaults. Without secrets. */
export async function configurationOf(usersProject: string, stack: string): Promise<StackConfiguration> {
  const [project, own] = await Promise.all([
    readYaml<{ readonly config?: Readonly<Record<string, unknown>> }>(path.join(usersProject, "Pulumi.yaml")),
    readYaml<StackFile>(path.join(usersProject, `Pulumi.${stack}.yaml`)),
  ]);
  const defaults = Object.entries(project?.config ?? {}).map(([key, value]) => [key, defaultOf(value)] as const);
  const plain = Object.entries(own?.config ?? {}).filter(([, value]) => !isSecret(value));
  return { ...Object.fromEntries(defaults), ...Object.fromEntries(plain) };
}

/** A key of a project has its value, or a declaration with a default. */
function defaultOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "default" in value ? value.default : value;
}

function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value;
}
