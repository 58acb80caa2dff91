import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { packageVersion, type Release } from "../watchdog/bundle.ts";
import {
  EPOCH_S,
  nodeFor,
  ownArchitecture,
  type PackagedFile,
  programDirectory,
  programFiles,
  writeFiles,
} from "./content.ts";
import { type Component, nodeComponent, sha256 } from "./sbom.ts";

const run = promisify(execFile);

/** Numeric, as images have no user database that an engine would ask. */
const USER = 10001;

export interface Image {
  readonly path: string;
  /** What is in it besides the program. */
  readonly components: readonly Component[];
}

/**
 * Builds an OCI image archive (`podman load`, `docker load`, `skopeo copy oci-archive:…`) without an engine and without a network: Node,
 * the program, and the shared libraries of this machine that Node links against. There is no shell in it.
 *
 * @returns null on a machine whose processor has no package
 */
export async function buildImage(release: Release, directory: string): Promise<Image | null> {
  const architecture = ownArchitecture;
  if (architecture === undefined) return null;
  const version = await packageVersion();
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-image-"));
  try {
    const node = await nodeFor(architecture);
    const libraries = await librariesOf(node.binary);
    const root = path.join(scratch, "root");
    await mkdir(root, { mode: 0o755 });
    await writeFiles(root, [...(await programFiles(release, node)), ...userFiles, ...libraries.files]);
    await mkdir(path.join(root, "tmp"));
    const layout = path.join(scratch, "layout");
    await writeLayout(layout, root, { architecture, version, settings: serviceSettings(release) });
    const target = path.join(directory, `es-failover-${version}-oci-${architecture}.tar`);
    await run("tar", [...normal, "--mode=u+rw,go+r-w", "-cf", target, "-C", layout, "."]);
    return { path: target, components: [await nodeComponent(node.binary), ...libraries.components] };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Independent of time, user and the order of directories. */
const normal = ["--sort=name", `--mtime=@${EPOCH_S}`, "--owner=0", "--group=0", "--numeric-owner"];

const userFiles: readonly PackagedFile[] = [
  {
    path: "/etc/passwd",
    content: `root:x:0:0::/root:\nes-failover:x:${USER}:${USER}::/var/lib/es-failover:\n`,
    mode: 0o644,
  },
  { path: "/etc/group", content: `root:x:0:\nes-failover:x:${USER}:\n`, mode: 0o644 },
  // Names of hosts come from the engine's /etc/hosts, then from DNS.
  { path: "/etc/nsswitch.conf", content: "hosts: files dns\n", mode: 0o644 },
];

/** Resolving a name loads these at run time; they are in glibc itself from 2.34 on, and then their files are empty shells. */
const loadedLater = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];

/** The libraries that a program links against, at the places where its interpreter looks for them. */
async function librariesOf(
  program: string,
): Promise<{ readonly files: readonly PackagedFile[]; readonly components: readonly Component[] }> {
  const { stdout } = await run("ldd", [program], { env: { PATH: process.env["PATH"], LC_ALL: "C" } });
  const linked = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, place]) => place ?? "");
  const beside = path.dirname(linked.find((place) => place.includes("libc.so")) ?? "/lib");
  const later = loadedLater.map((name) => path.join(beside, name));
  const places = [...new Set([...linked, ...later])];
  const present = await Promise.all(
    places.map(async (place) =>
      realpath(place).then(
        (file) => [{ place, file }],
        () => [],
      ),
    ),
  );
  const files = present.flat().map(({ place, file }) => ({ path: place, content: { copyOf: file }, mode: 0o755 }));
  const owners = await Promise.all(present.flat().map(({ file }) => debianPackageOf(file)));
  const components = owners.flatMap((component) => component ?? []);
  return { files, components: [...new Map(components.map((component) => [component.purl, component])).values()] };
}

/** null where dpkg does not know the file, as on another distribution. */
async function debianPackageOf(file: string): Promise<Component | null> {
  try {
    // With a merged /usr the database may have the place without it.
    const { stdout } = await run("dpkg-query", ["--search", file]).catch(() =>
      run("dpkg-query", ["--search", file.replace(/^\/usr/, "")]),
    );
    const name = stdout.split(":")[0] ?? "";
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format
    const shown = await run("dpkg-query", ["--show", "--showformat", "${Version} ${Architecture}", name]);
    const [version = "", architecture = ""] = shown.stdout.split(" ");
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
    return { type: "library", name, version, purl };
  } catch {
    return null;
  }
}

interface ImageSettings {
  readonly architecture: string;
  readonly version: string;
  readonly settings: ReturnType<typeof serviceSettings>;
}

/** One layer, its configuration, the manifest and the index, each named by its digest (OCI image layout 1.0). */
async function writeLayout(
  layout: string,
  root: string,
  { architecture, version, settings }: ImageSettings,
): Promise<void> {
  const blobs = path.join(layout, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const blob = async (mediaType: string, content: Uint8Array) => {
    const digest = sha256(content);
    await writeFile(path.join(blobs, digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const json = (mediaType: string, value: object) => blob(mediaType, Buffer.from(JSON.stringify(value)));
  const layerFile = path.join(layout, "layer.tar");
  await run("tar", [...normal, "-cf", layerFile, "-C", root, "."]);
  const uncompressed = await readFile(layerFile);
  await rm(layerFile);
  const layer = await blob("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(uncompressed, { level: 4 }));
  const config = await json("application/vnd.oci.image.config.v1+json", {
    architecture,
    os: "linux",
    config: {
      User: `${USER}:${USER}`,
      Entrypoint: [`${programDirectory}/node`, ...settings.options, `${programDirectory}/es-failover.mjs`],
      Cmd: ["run"],
      Env: ["PATH=/usr/bin", ...settings.environment],
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(uncompressed)}`] },
    history: [{ created_by: "npm run package" }],
  });
  const manifest = await json("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config,
    layers: [layer],
  });
  const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": `es-failover:${version}` } };
  await writeFile(path.join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  await writeFile(path.join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

/** Options of Node and environment, as the service's unit has them, with the reasons. */
function serviceSettings({ units }: Release): {
  readonly options: readonly string[];
  readonly environment: readonly string[];
} {
  const unit = units.find(({ name }) => name === "es-failover.service");
  const text = Buffer.from(unit?.content ?? []).toString("utf8");
  const [, options] = /^ExecStart=\S+ (.*) \S+\.mjs run$/m.exec(text) ?? [];
  if (options === undefined)
    throw new Error("es-failover.service has no ExecStart of Node's options, the program and `run`");
  const [, environment = ""] = /^Environment=(.*)$/m.exec(text) ?? [];
  return { options: options.split(" "), environment: environment.split(" ") };
}
