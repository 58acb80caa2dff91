import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { bundleRelease, packageVersion } from "../watchdog/bundle.ts";
import { size } from "../watchdog/util/text.ts";
import { architectures, nodeFor, readTemplate } from "./content.ts";
import { buildDeb } from "./deb.ts";
import { buildImage } from "./image.ts";
import { buildNpmPackage } from "./npm-package.ts";
import { billOfMaterials, nodeComponent, sha256 } from "./sbom.ts";

/** Builds packages of the watchdog. The same sources give the same files, byte for byte. */
export async function buildPackages(directory: string, say: (line: string) => void): Promise<readonly string[]> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const release = await bundleRelease();
  const version = await packageVersion();
  const files: string[] = [];
  const add = (file: string): void => {
    files.push(file);
    say(file);
  };
  const write = async (name: string, content: string): Promise<void> => {
    await writeFile(path.join(directory, name), content);
    add(path.join(directory, name));
  };
  for (const architecture of architectures) {
    add(await buildDeb(release, architecture, directory));
    const { binary } = await nodeFor(architecture);
    const node = await nodeComponent(binary);
    await write(`es-failover_${version}_${architecture}.deb.cdx.json`, await billOfMaterials(release, [node]));
  }
  add(await buildNpmPackage(release, directory));
  await write(`es-failover-${version}.tgz.cdx.json`, await billOfMaterials(release, []));
  const image = await buildImage(release, directory);
  if (image !== null) {
    add(image.path);
    await write(`${path.basename(image.path)}.cdx.json`, await billOfMaterials(release, image.components));
  }
  for (const name of ["Dockerfile", "compose.yaml"]) {
    await write(name, (await readTemplate("container", name)).replaceAll("@VERSION@", version));
  }
  const sums = await Promise.all(
    files.map(async (file) => `${sha256(await readFile(file))}  ${path.basename(file)}\n`),
  );
  await write("SHA256SUMS", sums.toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join(""));
  return files;
}

/** `npm run package`: builds all packages into dist/packages. */
export async function main(): Promise<number> {
  const directory = path.join(path.dirname(import.meta.dirname), "dist", "packages");
  const files = await buildPackages(directory, (file) => console.log(path.relative(process.cwd(), file)));
  const bytes = await Promise.all(files.map(async (file) => (await readFile(file)).length));
  console.log(
    `${files.length} files, ${size(bytes.reduce((sum, each) => sum + each, 0))}; check them with \`sha256sum -c SHA256SUMS\``,
  );
  return 0;
}
