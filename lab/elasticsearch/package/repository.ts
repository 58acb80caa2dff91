import { createHash } from "node:crypto";
import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { cachedDirectory, isCached } from "../../../watchdog/util/cache.ts";
import { installPackages, isInstalled } from "../../machine/apt.ts";
import type { SetUpStep } from "../../machine/step.ts";
import { run } from "../../util/run.ts";
import { distributionKey } from "../distribution/distribution.ts";
import { type DebianPackage, elasticsearchPackage, packageKey } from "./package.ts";
import { type SigningKey, signingKey, signingKeyCache, signingKeyVersion } from "./signing-key.ts";

const cacheName = "apt-repository";
const suite = "stable";
const component = "main";

export interface AptRepository {
  /** Root of the repository with `dists/` and `pool/`, for any HTTP server. */
  readonly directory: string;
  readonly suite: string;
  readonly component: string;
  /** ASCII-armoured public key for `Signed-By:`, `lab.asc` in the directory. */
  readonly signingKeyPath: string;
  /** 40 hexadecimal digits. */
  readonly signingKeyFingerprint: string;
}

/** A signed apt repository with the lab's `elasticsearch` package, from the cache; rebuilt when the package changes. */
export async function labAptRepository(say: (line: string) => void = () => {}): Promise<AptRepository> {
  const debianPackage = await elasticsearchPackage(say);
  const signer = await signingKey();
  const directory = await cachedDirectory(cacheName, repositoryKey(debianPackage.key, signer), (scratch) =>
    layOutRepository(scratch, debianPackage, signer),
  );
  return {
    directory,
    suite,
    component,
    signingKeyPath: path.join(directory, "lab.asc"),
    signingKeyFingerprint: signer.fingerprint,
  };
}

export const repositoryStep: SetUpStep = {
  title: "Pack Elasticsearch and make the lab's apt repository",
  why: "the lab's hosts install Elasticsearch from it as users do from Elastic's; about 15 s",
  isDone: async () => {
    const distribution = await distributionKey();
    if (distribution === undefined || !isCached(signingKeyCache, signingKeyVersion)) return false;
    return isCached(cacheName, repositoryKey(await packageKey(distribution), await signingKey()));
  },
  run: async (say) => {
    if (!(await isInstalled("gpg"))) await installPackages(["gnupg"], say);
    await labAptRepository(say);
  },
};

function repositoryKey(packageKey: string, signer: SigningKey): string {
  return `${packageKey}-${signer.fingerprint.slice(-8)}`;
}

async function layOutRepository(root: string, debianPackage: DebianPackage, signer: SigningKey): Promise<void> {
  await chmod(root, 0o755);
  const pool = `pool/${component}/e/elasticsearch`;
  const binary = `dists/${suite}/${component}/binary-${debianPackage.architecture}`;
  await mkdir(path.join(root, pool), { recursive: true });
  await mkdir(path.join(root, binary), { recursive: true });
  const poolFile = path.posix.join(pool, path.basename(debianPackage.file));
  await cp(debianPackage.file, path.join(root, poolFile));
  const packages = Buffer.from(await renderPackages(debianPackage.file, poolFile));
  const indices: Record<string, Buffer> = { Packages: packages, "Packages.gz": gzipSync(packages) };
  for (const [name, content] of Object.entries(indices)) await writeFile(path.join(root, binary, name), content);
  const release = renderRelease(
    debianPackage.architecture,
    Object.entries(indices).map(([name, content]) => ({
      name: `${component}/binary-${debianPackage.architecture}/${name}`,
      content,
    })),
  );
  await writeFile(path.join(root, `dists/${suite}/Release`), release);
  await writeFile(path.join(root, `dists/${suite}/InRelease`), await signer.clearSign(release));
  await writeFile(path.join(root, "lab.asc"), signer.publicKey);
}

async function renderPackages(file: string, poolFile: string): Promise<string> {
  const content = await readFile(file);
  const control = (await run("dpkg-deb", ["--field", file])).trimEnd();
  const sha256 = createHash("sha256").update(content).digest("hex");
  const [firstLine, ...otherLines] = control.split("\n");
  return [firstLine, `Filename: ${poolFile}`, `Size: ${content.length}`, `SHA256: ${sha256}`, ...otherLines, ""].join(
    "\n",
  );
}

function renderRelease(architecture: string, files: readonly { name: string; content: Buffer }[]): string {
  const checksums = files.map(({ name, content }) => {
    const sha256 = createHash("sha256").update(content).digest("hex");
    return ` ${sha256} ${content.length} ${name}`;
  });
  return [
    "Origin: es-failover lab",
    "Label: es-failover lab",
    `Suite: ${suite}`,
    `Codename: ${suite}`,
    `Date: ${new Date().toUTCString().replace("GMT", "UTC")}`,
    `Architectures: ${architecture}`,
    `Components: ${component}`,
    "SHA256:",
    ...checksums,
    "",
  ].join("\n");
}
