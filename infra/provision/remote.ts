import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { stagingDirectory } from "./staging.ts";

/** A host that takes commands over SSH. */
export interface RemoteHost {
  readonly name: string;
  readonly connection: types.input.remote.ConnectionArgs;
  /** The machine itself: one that replaces it under the same address has nothing installed. */
  readonly instanceId: pulumi.Input<string>;
}

/** A file as install-files.py writes it. */
export interface HostFile {
  readonly path: string;
  readonly content: string;
  /** Octal permissions, such as "0640". */
  readonly mode: string;
  /** Default: root. */
  readonly owner?: string;
  /** Default: root. */
  readonly group?: string;
}

const infraDirectory = path.dirname(import.meta.dirname);

/** Scripts that every host needs: the others source and call them. */
const sharedScripts = [
  "provision/common.sh",
  "provision/install-files.py",
  "provision/base.sh",
  "provision/private-route.sh",
  "provision/authorized-keys.sh",
  "provision/monitoring-off.sh",
  "provision/settings.sh",
  "provision/check-host.py",
];

/** Text of a script by its path below infra/, such as "elasticsearch/roll.sh". */
export function scriptText(script: string): string {
  return readFileSync(path.join(infraDirectory, script), "utf8");
}

export function contentHash(...parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
}

/** Writes text files from standard input into the staging directory. Needs only Python on the host. */
const stagingCommand = `sudo python3 -c '
import json, os, sys
for name, text in json.load(sys.stdin).items():
    path = os.path.join("${stagingDirectory}", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as script: script.write(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
'`;

/** A step's place in the program. */
export interface StepOptions {
  /** The component that the step belongs to. */
  readonly parent: pulumi.Resource;
  /** Steps that must precede it. Default: none. */
  readonly after?: readonly pulumi.Resource[];
}

/** Adds a line to the user's own keys, from standard input. Needs no staged script: nothing else can log in yet. */
const authorizeCommand =
  'read -r key && file=~/.ssh/authorized_keys && { grep -qxF "$key" "$file" || printf "%s\\n" "$key" >>"$file"; }';

/** Lets a new key log in, by the one that it replaces. */
export function authorizeKey(host: RemoteHost, publicKey: string, parent: pulumi.Resource): pulumi.Resource {
  return new remote.Command(
    `${host.name}-new-key`,
    {
      connection: host.connection,
      create: repeatable(host, authorizeCommand, contentHash(publicKey)),
      stdin: `${publicKey}\n`,
      addPreviousOutputInEnv: false,
      logging: "none",
    },
    { parent },
  );
}

export interface StagedHost extends RemoteHost {
  /** Resource after which every staged script may run. */
  readonly staged: pulumi.Resource;
}

/**
 * A command that runs again when the host was replaced or `version` has changed, as both are part of its text. A trigger
 * would replace the resource instead, and the two runs would differ for the engine (pulumi-command issue 189).
 */
function repeatable(host: RemoteHost, command: string, version: string): pulumi.Output<string> {
  return pulumi.interpolate`${command} # on ${host.instanceId}, ${version}`;
}

/** Copies the scripts of a host's role to it, again whenever their content changes. */
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
      create: repeatable(host, stagingCommand, "scripts"),
      stdin: JSON.stringify(files),
      addPreviousOutputInEnv: false,
      logging: "none",
    },
    { parent, dependsOn: [...after] },
  );
  return { ...host, staged };
}

export interface ScriptRun {
  /** Name of the resource, beginning with the host's name. */
  readonly name: string;
  /** A staged script, by its path below infra/. */
  readonly script: string;
  /** Arguments. Never a secret: every user of the host can see them. */
  readonly args?: readonly string[];
  /** What the script reads. Secrets belong here, marked as such. Default: nothing. */
  readonly stdin?: pulumi.Input<string>;
}

/** Runs a staged script as root, and again whenever the script, its input or the host has changed. */
export function runScript(host: StagedHost, run: ScriptRun, { parent, after = [] }: StepOptions): remote.Command {
  const command = ["sudo", `${stagingDirectory}/${run.script}`, ...(run.args ?? []).map(shellWord)].join(" ");
  const version = contentHash(scriptText(run.script), ...sharedScripts.map(scriptText));
  return new remote.Command(
    run.name,
    {
      connection: host.connection,
      create: repeatable(host, command, version),
      stdin: run.stdin ?? "",
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
