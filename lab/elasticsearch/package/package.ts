import { cp, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { cachedDirectory } from "../../../watchdog/util/cache.ts";
import { run } from "../../util/run.ts";
import { type Distribution, elasticsearchDistribution } from "../distribution/distribution.ts";
import { fingerprint } from "../distribution/fingerprint.ts";
import { elasticsearchVersion } from "../version.ts";

const debianFiles = path.join(import.meta.dirname, "debian");
const cacheName = "elasticsearch-package";

export interface DebianPackage {
  /** Path of the .deb. */
  readonly file: string;
  readonly name: "elasticsearch";
  readonly version: string;
  readonly architecture: string;
  /** Changes with its contents. */
  readonly key: string;
}

/** The Debian package `elasticsearch` of the lab's distribution, with the layout of Elastic's own. */
export async function elasticsearchPackage(say: (line: string) => void = () => {}): Promise<DebianPackage> {
  const distribution = await elasticsearchDistribution(say);
  const key = await packageKey(distribution.key);
  const architecture = (await run("dpkg", ["--print-architecture"])).trim();
  const fileName = `elasticsearch_${elasticsearchVersion}_${architecture}.deb`;
  const directory = await cachedDirectory(cacheName, key, async (scratch) => {
    say("packing the Debian package");
    const tree = path.join(scratch, "tree");
    await layOutTree(tree, distribution, architecture);
    // Fast rather than small: it crosses the lab's own network only, and each host unpacks it.
    const packing = ["--root-owner-group", "-Zzstd", "-z1", "--build", tree, path.join(scratch, fileName)];
    await run("dpkg-deb", packing);
    await run("rm", ["-r", tree]);
  });
  const file = path.join(directory, fileName);
  return { file, name: "elasticsearch", version: elasticsearchVersion, architecture, key };
}

/** Key of the package of a distribution. */
export async function packageKey(distributionKey: string): Promise<string> {
  const hash = await fingerprint({
    values: [distributionKey],
    paths: [debianFiles],
    builders: [import.meta.filename],
  });
  return `${elasticsearchVersion}-${hash}`;
}

async function layOutTree(tree: string, distribution: Distribution, architecture: string): Promise<void> {
  const home = path.join(tree, "usr/share/elasticsearch");
  const configuration = path.join(tree, "etc/elasticsearch");
  await mkdir(tree, { recursive: true });
  await cp(path.join(debianFiles, "root"), tree, { recursive: true });
  await cp(path.join(debianFiles, "DEBIAN"), path.join(tree, "DEBIAN"), { recursive: true });
  await mkdir(home, { recursive: true });
  for (const part of ["bin", "lib", "modules", "jdk", "plugins"]) {
    // The class-data archive requires jars with the times of its creation.
    await cp(path.join(distribution.directory, part), path.join(home, part), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
  }
  await cp(distribution.hostPrograms, path.join(home, "jdk/bin"), { recursive: true });
  const log4j = "log4j2.properties";
  await cp(path.join(distribution.directory, "config", log4j), path.join(configuration, log4j));
  const empty = ["etc/elasticsearch/jvm.options.d", "var/lib/elasticsearch", "var/log/elasticsearch"];
  for (const directory of empty) await mkdir(path.join(tree, directory), { recursive: true });
  // Independent of this process's umask.
  await run("chmod", ["-R", "u=rwX,go=rX", tree]);
  await writeFile(path.join(tree, "DEBIAN/control"), await control(tree, architecture));
}

async function control(tree: string, architecture: string): Promise<string> {
  const fields = {
    Package: "elasticsearch",
    Version: elasticsearchVersion,
    Architecture: architecture,
    Maintainer: "es-failover <noreply@localhost>",
    "Installed-Size": String(Math.ceil((await sizeOf(tree)) / 1024)),
    // systemd for systemd-notify, which reports readiness; the rest for the installation scripts.
    Depends: "bash (>= 4.1), coreutils (>= 8.4), libc6, adduser | passwd, systemd",
    Section: "web",
    Priority: "optional",
    Homepage: "https://www.elastic.co/",
    Description: `Elasticsearch for the lab of es-failover
 Elasticsearch ${elasticsearchVersion} assembled from Maven Central, with a Java run time of its own. Cross-cluster
 replication is a stand-in: Elastic's own module is not on Maven Central. For the lab only.`,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

async function sizeOf(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(path.join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
