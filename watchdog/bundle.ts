import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { z } from "zod";
import { pageAssets } from "./bundle-assets.ts";
import { lean } from "./bundle-lean.ts";
import { liquid } from "./bundle-liquid.ts";
import { cachedDirectory } from "./util/cache.ts";

const run = promisify(execFile);
const root = path.dirname(import.meta.dirname);

/** The Node in the bundle: hosts need none of their own. */
export const nodeBinary: string = path.join(root, "node_modules", "node", "bin", "node");

export interface WatchdogBundle {
  /** tar.gz with `node`, `es-failover.mjs`, its source map and licences, the units and `VERSION` at its top. */
  readonly archivePath: string;
  /** Depends on the content alone: `0.1.0-1f2e3d4c5b6a`. */
  readonly version: string;
}

interface Program {
  readonly code: Uint8Array;
  readonly sourceMap: Uint8Array;
  /** The notices of the dependencies in it. */
  readonly licences: Uint8Array;
  /** Directories of the npm packages of which something is in it, below the repository. */
  readonly dependencies: readonly string[];
}

/** The parts of a release, before they are put into an archive of some kind. */
export interface Release extends Program {
  /** Depends on the content alone: `0.1.0-1f2e3d4c5b6a`. */
  readonly version: string;
  readonly units: readonly Unit[];
}

/**
 * The archive that provisioning copies to a host. It is built once per content and cached: the same sources give the same
 * archive, byte for byte, so that provisioning sees a change only when there is one. Takes a second or two when cached.
 */
export async function buildWatchdogBundle(): Promise<WatchdogBundle> {
  const identity = await releaseIdentity();
  const { version } = identity;
  const directory = await cachedDirectory("watchdog", version, async (scratch) =>
    pack(scratch, await releaseOf(identity)),
  );
  await dropOldArchives(path.dirname(directory), version);
  return { archivePath: path.join(directory, archiveName), version };
}

export const bundleRelease = async (): Promise<Release> => releaseOf(await releaseIdentity());

type Identity = Pick<Release, "version" | "units">;

async function releaseOf(identity: Identity): Promise<Release> {
  return { ...(await bundleProgram(identity.version)), ...identity };
}

async function releaseIdentity(): Promise<Identity> {
  // The program contains its version, so the version is computed from the program without one.
  const unversioned = await bundleProgram("");
  const units = await Promise.all(
    unitNames.map(async (name) => ({ name, content: await readFile(path.join(import.meta.dirname, "systemd", name)) })),
  );
  const hash = createHash("sha256");
  const contents = units.map(({ content }) => content);
  const { code, sourceMap, licences } = unversioned;
  for (const part of [code, sourceMap, licences, ...contents, await nodeVersion()]) {
    hash.update(createHash("sha256").update(part).digest());
  }
  const version = `${await packageVersion()}-${hash.digest("hex").slice(0, 12)}`;
  return { version, units };
}

/** The units of the watchdog, and of the publisher on hosts of applications. */
const unitNames = ["es-failover.service", "es-failover-publisher@.service"] as const;
const archiveName = "es-failover.tar.gz";

export interface Unit {
  readonly name: string;
  readonly content: Uint8Array;
}

async function pack(scratch: string, { version, units, ...program }: Release): Promise<void> {
  const content = path.join(scratch, "content");
  await mkdir(content);
  await writeProgram(content, program);
  for (const unit of units) await writeFile(path.join(content, unit.name), unit.content);
  await writeFile(path.join(content, "VERSION"), `${version}\n`);
  await copyFile(await strippedNode(), path.join(content, "node"));
  await chmod(path.join(content, "node"), 0o755);
  // Independent of time, user and directory order: the archive's hash decides whether it is uploaded.
  const normal = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go+r-w"];
  const archive = path.join(scratch, archiveName);
  await run("tar", [...normal, "--use-compress-program=gzip -n -4", "-cf", archive, "-C", content, "."]);
  await rm(content, { recursive: true });
}

/** Each change of a source makes an archive of 40 MB; a few are kept, for a rollback and for other checkouts. */
const ARCHIVES_KEPT = 5;

async function dropOldArchives(parent: string, inUse: string): Promise<void> {
  const others = (await readdir(parent)).filter((name) => name !== inUse && !name.startsWith("."));
  const aged = await Promise.all(
    others.map(async (name) => ({ name, mtimeMs: (await stat(path.join(parent, name))).mtimeMs })),
  );
  const surplus = aged.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(ARCHIVES_KEPT - 1);
  await Promise.all(surplus.map(({ name }) => rm(path.join(parent, name), { recursive: true, force: true })));
}

export async function writeProgram(
  directory: string,
  { code, sourceMap, licences }: Pick<Program, "code" | "sourceMap" | "licences">,
): Promise<void> {
  await writeFile(path.join(directory, "es-failover.mjs"), code);
  await writeFile(path.join(directory, "es-failover.mjs.map"), sourceMap);
  await writeFile(path.join(directory, "es-failover.mjs.LEGAL.txt"), licences);
}

async function bundleProgram(version: string): Promise<Program> {
  const { outputFiles, metafile } = await build({
    entryPoints: [path.join(import.meta.dirname, "cli", "main.ts")],
    outfile: path.join(root, "dist", "es-failover.mjs"),
    absWorkingDir: root,
    write: false,
    metafile: true,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // Names stay, for stack traces. The process holds its own text in memory: this saves 8 MB.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
    // One character that is not ASCII, as in a name, would make V8 hold two bytes for each character of the program.
    charset: "ascii",
    legalComments: "external",
    plugins: [lean, liquid, pageAssets],
    // For a person who reads a stack trace; Node would hold it in memory, too. The sources themselves would triple its size.
    sourcemap: "linked",
    sourcesContent: false,
    define: { ES_FAILOVER_VERSION: JSON.stringify(version) },
    // Some dependencies are CommonJS and call require() for Node's own modules.
    banner: {
      js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  const ending = (suffix: string): Uint8Array => {
    const file = outputFiles.find(({ path: name }) => name.endsWith(suffix));
    if (file === undefined) throw new Error(`esbuild wrote no ${suffix} for the watchdog`);
    return file.contents;
  };
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const dependencies = used.flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? (packageOf.exec(file)?.[1] ?? []) : [],
  );
  return {
    code: ending(".mjs"),
    sourceMap: ending(".mjs.map"),
    licences: ending(".LEGAL.txt"),
    dependencies: [...new Set(dependencies)].toSorted(),
  };
}

/** The innermost package of a file: `node_modules/a/node_modules/@b/c`. */
const packageOf = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** Without debug symbols Node is 18 MB smaller; where `strip` is missing, the bundle has it unstripped. */
async function strippedNode(): Promise<string> {
  const directory = await cachedDirectory("node-binary", await nodeVersion(), async (scratch) => {
    const target = path.join(scratch, "node");
    await run("strip", ["-o", target, nodeBinary]).catch(() => copyFile(nodeBinary, target));
    await chmod(target, 0o755);
  });
  return path.join(directory, "node");
}

export async function nodeVersion(): Promise<string> {
  const manifest = path.join(root, "node_modules", "node", "package.json");
  return versionIn(manifest, "the bundle contains the `node` package: run `npm install`");
}

export function packageVersion(): Promise<string> {
  return versionIn(path.join(root, "package.json"), "it is part of this repository");
}

async function versionIn(manifest: string, hint: string): Promise<string> {
  const text = await readFile(manifest, "utf8").catch(() => {
    throw new Error(`${manifest} is missing: ${hint}`);
  });
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

/** `npm run build:watchdog`: writes the program to dist/ and prints the path of the archive. */
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { archivePath, version } = await buildWatchdogBundle();
  const dist = path.join(root, "dist");
  await mkdir(dist, { recursive: true });
  await writeProgram(dist, await bundleProgram(version));
  console.log(`es-failover ${version}\n${archivePath}`);
}
