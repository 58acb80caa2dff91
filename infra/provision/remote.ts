import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { remote, type types } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";

/** A host that takes commands over SSH. */
export interface RemoteHost {
  readonly name: string;
  readonly connection: types.input.remote.ConnectionArgs;
  /** The machine itself: one that was made anew under the same address starts from nothing. */
  readonly instanceId: pulumi.Input<string>;
}

/** A file as install-files.py writes it; owner and group are root where they are not named. */
export interface HostFile {
  readonly path: string;
  readonly content: string;
  /** Octal permissions, such as "0640". */
  readonly mode: string;
  readonly owner?: string;
  readonly group?: string;
}

const infraDirectory = path.dirname(import.meta.dirname);
const stagingDirectory = "/usr/local/lib/es-failover-provisioning";

/** Scripts that every host gets; the others source and call them. */
const sharedScripts = ["provision/common.sh", "provision/install-files.py", "provision/base.sh"];

/** Scripts by their path below infra/, such as "elasticsearch/roll.sh". */
export function scriptText(script: string): string {
  return readFileSync(path.join(infraDirectory, script), "utf8");
}

export function contentHash(...parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
}

/** Puts text files from standard input into the staging directory; needs nothing on the host but Python. */
const stagingCommand = `sudo python3 -c '
import json, os, sys
for name, text in json.load(sys.stdin).items():
    path = os.path.join("${stagingDirectory}", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as script: script.write(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
'`;

/** Where a step stands: the component it belongs to, and what must have happened before it. */
export interface StepOptions {
  readonly parent: pulumi.Resource;
  readonly after?: readonly pulumi.Resource[];
}

export interface StagedHost extends RemoteHost {
  /** Resource after which every staged script may run. */
  readonly staged: pulumi.Resource;
}

/** Brings the scripts of a host's role to it, once per content. */
export function stageScripts(
  host: RemoteHost,
  scripts: readonly string[],
  { parent, after = [] }: StepOptions,
): StagedHost {
  const files = Object.fromEntries([...sharedScripts, ...scripts].map((name) => [name, scriptText(name)]));
  const staged = new remote.Command(
    `${host.name}-scripts`,
    {
      connection: host.connection,
      create: stagingCommand,
      update: stagingCommand,
      stdin: JSON.stringify(files),
      triggers: [host.instanceId],
      addPreviousOutputInEnv: false,
      logging: "none",
    },
    { parent, dependsOn: [...after] },
  );
  return { ...host, staged };
}

export interface ScriptRun {
  /** Name of the resource; begins with the host's name. */
  readonly name: string;
  /** A staged script, by its path below infra/. */
  readonly script: string;
  /** Arguments. Never a secret: every user of the host can see them. */
  readonly args?: readonly string[];
  /** Arguments of the runs that follow the first one; the same ones when left out. */
  readonly updateArgs?: readonly string[];
  /** What the script reads. Secrets travel here, marked as such. */
  readonly stdin?: pulumi.Input<string>;
  /** Further values whose change runs the script again. */
  readonly triggers?: readonly pulumi.Input<string>[];
}

/** Runs a staged script as root: at first, and again when it, its input or a trigger has changed. */
export function runScript(host: StagedHost, run: ScriptRun, { parent, after = [] }: StepOptions): remote.Command {
  const command = (args: readonly string[] = []) =>
    ["sudo", `${stagingDirectory}/${run.script}`, ...args.map(shellWord)].join(" ");
  const version = contentHash(scriptText(run.script), ...sharedScripts.map(scriptText));
  return new remote.Command(
    run.name,
    {
      connection: host.connection,
      create: command(run.args),
      // Named even when it is the same: with an `update`, a changed trigger is an update and no replacement.
      update: command(run.updateArgs ?? run.args),
      stdin: run.stdin ?? "",
      triggers: [host.instanceId, version, ...(run.triggers ?? [])],
      addPreviousOutputInEnv: false,
      logging: "stderr",
    },
    { parent, dependsOn: [host.staged, ...after] },
  );
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Input for install-files.py. */
export function filesJson(files: readonly HostFile[]): string {
  return JSON.stringify({ files });
}
