import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { packageVersion, type Release } from "../watchdog/bundle.ts";
import {
  type Architecture,
  EPOCH_S,
  type NodeRuntime,
  nodeFor,
  type PackagedFile,
  programFiles,
  readTemplate,
  unitFiles,
  writeFiles,
} from "./content.ts";

const run = promisify(execFile);

/** Node links against them; its packages on npm need this version of glibc at least (Node's BUILDING.md). */
const depends = ["libc6 (>= 2.28)", "libgcc-s1", "libstdc++6 (>= 6.1)"];

const scripts = ["preinst", "postinst", "prerm", "postrm"] as const;

/**
 * Builds es-failover_<version>_<architecture>.deb, the same byte for byte from the same sources.
 *
 * @param runtime Node in it; default: as npm has it for the architecture
 * @returns its path
 */
export async function buildDeb(
  release: Release,
  architecture: Architecture,
  directory: string,
  runtime?: NodeRuntime,
): Promise<string> {
  const version = await packageVersion();
  const target = path.join(directory, `es-failover_${version}_${architecture}.deb`);
  const root = await mkdtemp(path.join(tmpdir(), "es-failover-deb-"));
  try {
    const node = runtime ?? (await nodeFor(architecture));
    const files = [...(await programFiles(release, node)), ...unitFiles(release), await copyright()];
    await writeFiles(root, files);
    await chmod(root, 0o755);
    await mkdir(path.join(root, "DEBIAN"), { mode: 0o755 });
    await writeFiles(root, await controlFiles({ version, architecture, installedKib: await kibOf(root, files) }));
    await writeFiles(root, [{ path: "/DEBIAN/md5sums", content: await sumsOf(root, files), mode: 0o644 }]);
    // Reproducible: the time of all entries, and no owner of this machine. gzip: xz takes a minute for 9 MB less.
    await run("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z4", "--build", root, target], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(EPOCH_S), LC_ALL: "C" },
    });
    return target;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new Error("dpkg-deb is missing: a .deb is built on Debian or Ubuntu", { cause: error });
    }
    throw error;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function controlFiles(of: {
  readonly version: string;
  readonly architecture: Architecture;
  readonly installedKib: number;
}): Promise<readonly PackagedFile[]> {
  const control = `Package: es-failover
Version: ${of.version}
Architecture: ${of.architecture}
Maintainer: es-failover contributors <es-failover@localhost>
Installed-Size: ${of.installedKib}
Depends: ${depends.join(", ")}
Recommends: haproxy (>= 2.4)
Suggests: etcd-server
Section: net
Priority: optional
Description: failover watchdog of two Elasticsearch regions
 Keeps the standby region's indices as followers of the active one's by
 cross-cluster replication, promotes them when the active region is lost,
 and routes HAProxy to the region that serves.
 .
 \`es-failover init\` takes over two clusters that are there already.
`;
  const written = await Promise.all(
    scripts.map(async (name) => ({
      path: `/DEBIAN/${name}`,
      content: await readTemplate("debian", name),
      mode: 0o755,
    })),
  );
  return [{ path: "/DEBIAN/control", content: control, mode: 0o644 }, ...written];
}

async function copyright(): Promise<PackagedFile> {
  const content = `${await readTemplate("debian", "copyright")}\n${await readTemplate("..", "LICENSE")}`;
  return { path: "/usr/share/doc/es-failover/copyright", content, mode: 0o644 };
}

/** What `dpkg --verify` compares with. */
async function sumsOf(root: string, files: readonly PackagedFile[]): Promise<string> {
  const lines = await Promise.all(
    files.map(async ({ path: place }) => {
      const content = await readFile(path.join(root, place));
      return `${createHash("md5").update(content).digest("hex")}  ${place.slice(1)}\n`;
    }),
  );
  return lines.join("");
}

async function kibOf(root: string, files: readonly PackagedFile[]): Promise<number> {
  const sizes = await Promise.all(files.map(({ path: place }) => stat(path.join(root, place))));
  return sizes.reduce((sum, { size }) => sum + Math.ceil(size / 1024), 0);
}
