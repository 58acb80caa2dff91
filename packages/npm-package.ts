import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { packageVersion, type Release } from "../watchdog/bundle.ts";
import { libraryLicences, readTemplate, writeFiles } from "./content.ts";

const run = promisify(execFile);

const readme = `# es-failover

The command of es-failover, a failover watchdog of two Elasticsearch regions, with nothing to install beside Node 24:

    npx es-failover init --dry-run

The watchdog itself runs as a service: use the .deb or the container image, which bring their own Node.
`;

/**
 * Builds es-failover-<version>.tgz, for a registry or \`npm install <file>\`: the bundled program, without dependencies.
 *
 * @returns its path
 */
export async function buildNpmPackage(release: Release, directory: string): Promise<string> {
  const version = await packageVersion();
  const root = await mkdtemp(path.join(tmpdir(), "es-failover-npm-"));
  const manifest = {
    name: "es-failover",
    version,
    description: "Failover watchdog of two Elasticsearch regions: the command",
    license: "Apache-2.0",
    type: "module",
    bin: { "es-failover": "es-failover.mjs" },
    files: ["es-failover.mjs", "es-failover.mjs.LICENSES.txt"],
    engines: { node: ">=24" },
  };
  // Without its map, which is twice the program's size.
  const program = Buffer.from(release.code)
    .toString("utf8")
    .replace(/^\/\/# sourceMappingURL=.*$/m, "");
  try {
    await writeFiles(root, [
      { path: "/package.json", content: `${JSON.stringify(manifest, null, 2)}\n`, mode: 0o644 },
      { path: "/es-failover.mjs", content: `#!/usr/bin/env node\n${program}`, mode: 0o755 },
      { path: "/es-failover.mjs.LICENSES.txt", content: await libraryLicences(release), mode: 0o644 },
      { path: "/README.md", content: readme, mode: 0o644 },
      { path: "/LICENSE", content: await readTemplate("..", "LICENSE"), mode: 0o644 },
    ]);
    // npm gives every entry one time and no owner.
    await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", directory], { cwd: root });
    return path.join(directory, `es-failover-${version}.tgz`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
