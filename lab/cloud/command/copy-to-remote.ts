import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { text } from "../protocol/inputs.ts";
import type { Call, ResourceType, Violation } from "../protocol/package.ts";
import { Archive, Asset, type PropertyMap, sameValue, Unknown } from "../protocol/values.ts";
import { connectionOf, connectionViolations } from "./connection.ts";
import { withSshSession } from "./ssh.ts";

type Source = { readonly kind: "text"; readonly text: string } | { readonly kind: "path"; readonly path: string };

function sourceOf(inputs: PropertyMap): Source | undefined {
  const { source } = inputs;
  if (source instanceof Asset && "text" in source.content) return { kind: "text", text: source.content.text };
  if ((source instanceof Asset || source instanceof Archive) && "path" in source.content) {
    return { kind: "path", path: source.content.path };
  }
  return undefined;
}

function sourceViolations(inputs: PropertyMap): Violation[] {
  if (inputs["source"] instanceof Unknown || sourceOf(inputs) !== undefined) return [];
  return [{ property: "source", reason: "must be a FileAsset, a StringAsset or a FileArchive" }];
}

/** Quotes a text for a shell script. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

const makeParent = 'mkdir -p "$(dirname "$target")" || exit 1';

/**
 * Targets and modes are those of the real provider, which copies by SFTP: the source goes into an existing directory, missing
 * parents of the target are made, and file modes are not copied (scripts need a chmod afterwards).
 */
const scripts = {
  text: (target: string): string =>
    `target=${quoted(target)}
if [ -d "$target" ]; then echo "$target is a directory; a text needs a file path" >&2; exit 1; fi
${makeParent}
cat > "$target"`,
  file: (target: string, name: string): string =>
    `target=${quoted(target)}
if [ -d "$target" ]; then target="$target"/${quoted(name)}; fi
${makeParent}
cat > "$target"`,
  directory: (target: string, name: string | undefined): string =>
    `target=${quoted(target)}
mkdir -p "$target" || exit 1
${name === undefined ? "" : `target="$target"/${quoted(name)}; [ -d "$target" ] || mkdir "$target" || exit 1`}
tar --extract --no-same-owner --no-same-permissions --directory "$target" --file -`,
} as const;

/** A directory's content as a tar stream, without modes, as SFTP copies none. tar starts at the first read. */
async function* archiveOf(directory: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const modes = "--mode=a-x,u=rwX,go=rX";
  const argv = ["--create", "--dereference", modes, "--directory", directory, "--file", "-", "."];
  const tar = spawn("tar", argv, { stdio: ["ignore", "pipe", "inherit"], signal });
  const ended = once(tar, "close");
  yield* tar.stdout;
  const [status] = await ended;
  if (status !== 0) throw new Error(`tar could not read all of ${directory}`);
}

async function transfer(
  source: Source,
  target: string,
  signal: AbortSignal,
): Promise<{ script: string; input: Readable }> {
  if (source.kind === "text") return { script: scripts.text(target), input: Readable.from([Buffer.from(source.text)]) };
  const name = path.basename(source.path);
  if (!(await stat(source.path)).isDirectory()) {
    return { script: scripts.file(target, name), input: createReadStream(source.path) };
  }
  // With a trailing slash the content is copied, without the directory itself.
  const script = scripts.directory(target, source.path.endsWith("/") ? undefined : name);
  return { script, input: Readable.from(archiveOf(source.path, signal)) };
}

async function copy(inputs: PropertyMap, call: Call): Promise<void> {
  const source = sourceOf(inputs);
  if (source === undefined) throw new Error("source must be a FileAsset, a StringAsset or a FileArchive");
  const connection = connectionOf(inputs);
  const remotePath = text(inputs, "remotePath");
  const { script, input } = await transfer(source, remotePath, call.signal);
  const outcome = await withSshSession(connection, call, (session) => session.run(script, { input }));
  if (outcome.status !== 0) {
    throw new Error(`Copying to ${remotePath} on ${connection.host} failed: ${outcome.stderr.trim()}`);
  }
}

/** command:remote:CopyToRemote: copies a file, a text or a directory to a host. Deleting it leaves the copy. */
export const copyToRemote: ResourceType = {
  violations: (inputs) => [...connectionViolations(inputs), ...sourceViolations(inputs)],
  change: (change) => ({ ...change, replaces: change.changed.filter((name) => name === "triggers") }),
  create: async (inputs, call) => {
    await copy(inputs, call);
    return { id: randomBytes(8).toString("hex"), outputs: inputs };
  },
  update: async (_id, old, inputs, call) => {
    const same = ["source", "remotePath"].every((name) => sameValue(old.inputs[name], inputs[name]));
    if (!same) await copy(inputs, call);
    return inputs;
  },
};
