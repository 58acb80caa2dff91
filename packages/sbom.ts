import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { nodeVersion, packageVersion, type Release } from "../watchdog/bundle.ts";

const root = path.dirname(import.meta.dirname);

/** A part of a package, as CycloneDX has it. */
export interface Component {
  readonly type: "library" | "application";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly hashes?: readonly { readonly alg: "SHA-256"; readonly content: string }[];
}

/**
 * A bill of materials (CycloneDX 1.6, JSON): what is in the program, by the files that were bundled, and what is beside it. It has
 * no time and no serial number, so that it depends on the content alone.
 */
export async function billOfMaterials(release: Release, beside: readonly Component[]): Promise<string> {
  const name = "es-failover";
  const version = await packageVersion();
  const libraries = await Promise.all(release.dependencies.map(libraryIn));
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name,
        version,
        purl: `pkg:npm/${name}@${version}`,
        hashes: [{ alg: "SHA-256", content: sha256(release.code) }],
      },
    },
    components: [...libraries, ...beside].toSorted((a, b) => (a.purl < b.purl ? -1 : 1)),
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

const manifest = z.object({ name: z.string(), version: z.string(), license: z.string().optional() });

async function libraryIn(directory: string): Promise<Component> {
  const text = await readFile(path.join(root, directory, "package.json"), "utf8");
  const { name, version, license } = manifest.parse(JSON.parse(text));
  return {
    type: "library",
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
  };
}

/** Node itself, as it is in a package. */
export async function nodeComponent(binary: string): Promise<Component> {
  const version = await nodeVersion();
  const hashes = [{ alg: "SHA-256", content: sha256(await readFile(binary)) }] as const;
  return { type: "application", name: "node", version, purl: `pkg:generic/node@${version}`, hashes };
}

export const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");
