import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { nodeBinary, nodeVersion, type Release } from "../watchdog/bundle.ts";
import { cachedDirectory } from "../watchdog/util/cache.ts";

const run = promisify(execFile);

/** Where packages have the program. Hosts that `pulumi up` set up have it below /opt/es-failover. */
export const programDirectory = "/usr/lib/es-failover";

/** Processors, by Debian's names. */
export const architectures = ["amd64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

/** By Node's names, as in the names of npm's packages of it. */
const nodeNames: Readonly<Record<Architecture, string>> = { amd64: "x64", arm64: "arm64" };

export const ownArchitecture: Architecture | undefined = architectures.find(
  (architecture) => nodeNames[architecture] === process.arch,
);

/** Node as npm has it for an architecture. */
export interface NodeRuntime {
  readonly binary: string;
  readonly licence: string;
}

/** This machine's is there already, another one is fetched once. */
export async function nodeFor(architecture: Architecture): Promise<NodeRuntime> {
  const name = `node-linux-${nodeNames[architecture]}`;
  if (architecture === ownArchitecture) {
    const licence = path.join(path.dirname(path.dirname(nodeBinary)), "node_modules", name, "LICENSE");
    return { binary: nodeBinary, licence };
  }
  const version = await nodeVersion();
  const directory = await cachedDirectory("node-package", `${name}-${version}`, async (scratch) => {
    await run("npm", ["pack", "--silent", "--pack-destination", scratch, `${name}@${version}`]);
    const wanted = ["package/bin/node", "package/LICENSE"];
    await run("tar", ["-xzf", path.join(scratch, `${name}-${version}.tgz`), "-C", scratch, ...wanted]);
    await rm(path.join(scratch, `${name}-${version}.tgz`));
  });
  const at = path.join(directory, "package");
  return { binary: path.join(at, "bin", "node"), licence: path.join(at, "LICENSE") };
}

/** A file of a package, by its place below the root. */
export interface PackagedFile {
  readonly path: string;
  readonly content: string | Uint8Array | { readonly copyOf: string };
  readonly mode: number;
}

/** The program with its own Node, and its command. The same in packages of every kind. */
export async function programFiles(release: Release, node: NodeRuntime): Promise<readonly PackagedFile[]> {
  const at = (name: string) => `${programDirectory}/${name}`;
  return [
    { path: at("node"), content: { copyOf: node.binary }, mode: 0o755 },
    { path: at("node.LICENSE.txt"), content: { copyOf: node.licence }, mode: 0o644 },
    { path: at("es-failover.mjs.LICENSES.txt"), content: await libraryLicences(release), mode: 0o644 },
    { path: at("es-failover.mjs"), content: release.code, mode: 0o644 },
    { path: at("es-failover.mjs.map"), content: release.sourceMap, mode: 0o644 },
    { path: at("VERSION"), content: `${release.version}\n`, mode: 0o644 },
    // No shell: an image of the program alone has none.
    { path: "/usr/bin/es-failover", content: `#!${at("node")}\nimport("${at("es-failover.mjs")}");\n`, mode: 0o755 },
  ];
}

/** The licences of the libraries in the program, each with its text. */
export async function libraryLicences({ dependencies }: Release): Promise<string> {
  const texts = await Promise.all(
    dependencies.map(async (directory) => {
      const files = (await readdir(path.join(root, directory))).filter((name) => /^(?:licen[cs]e|copying)/i.test(name));
      const parts = await Promise.all(
        files.toSorted().map((file) => readFile(path.join(root, directory, file), "utf8")),
      );
      return `${directory.replace(/^.*node_modules\//, "")}\n\n${parts.map((part) => part.trim()).join("\n\n")}\n`;
    }),
  );
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

const root = path.dirname(import.meta.dirname);

/** The units, for a program in its place. */
export const unitFiles = ({ units }: Release): readonly PackagedFile[] =>
  units.map(({ name, content }) => ({
    path: `/usr/lib/systemd/system/${name}`,
    content: Buffer.from(content).toString("utf8").replaceAll("/opt/es-failover/current", programDirectory),
    mode: 0o644,
  }));

/** All files have this time, so that a package depends on its content alone. */
export const EPOCH_S = 0;

/** Writes files below a directory, with directories that everyone may read. */
export async function writeFiles(root: string, files: readonly PackagedFile[]): Promise<void> {
  for (const { path: place, content, mode } of files) {
    const target = path.join(root, place);
    await makeDirectories(root, path.dirname(place));
    if (typeof content === "object" && "copyOf" in content) await copyFile(content.copyOf, target);
    else await writeFile(target, content);
    await chmod(target, mode);
    await utimes(target, EPOCH_S, EPOCH_S);
  }
}

async function makeDirectories(root: string, place: string): Promise<void> {
  let directory = root;
  for (const name of place.split("/").filter((part) => part !== "")) {
    directory = path.join(directory, name);
    await mkdir(directory, { recursive: true });
    // Whatever the umask of this process is.
    await chmod(directory, 0o755);
  }
}

export const readTemplate = (...place: readonly string[]): Promise<string> =>
  readFile(path.join(import.meta.dirname, ...place), "utf8");
