import { execFile } from "node:child_process";
import { chmod, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { build, type Plugin } from "esbuild";
import { afterAll, beforeAll } from "vitest";
import { buildWatchdogBundle } from "../../../watchdog/bundle.ts";
import { scratchDirectory } from "./watchdog-scratch.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "..", "..", "..");

/** The watchdog as shipped to hosts, unpacked where an unprivileged user may read it. */
export interface WatchdogRelease {
  readonly node: string;
  readonly program: string;
  /** The same program with two modules replaced by watchdog-interruption.ts, which kill it at a chosen moment. */
  readonly interruptible: string;
}

/** Unpacks the release before the tests of the current file or block, and removes it after them. */
export function releaseForTests(): () => WatchdogRelease {
  let directory = "";
  let release: WatchdogRelease;
  beforeAll(async () => {
    directory = await scratchDirectory();
    release = await unpackRelease(directory);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return () => release;
}

async function unpackRelease(directory: string): Promise<WatchdogRelease> {
  const { archivePath } = await buildWatchdogBundle();
  await run("tar", ["-xzf", archivePath, "-C", directory]);
  await chmod(directory, 0o755);
  const interruptible = path.join(directory, "interruptible.mjs");
  await bundleInterruptible(interruptible);
  return { node: path.join(directory, "node"), program: path.join(directory, "es-failover.mjs"), interruptible };
}

async function bundleInterruptible(outfile: string): Promise<void> {
  const replaced = new Set<string>();
  await build({
    entryPoints: [path.join(root, "watchdog", "cli", "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    banner: {
      js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);',
    },
    plugins: [replaceImports(replaced)],
    logLevel: "error",
  });
  if (replaced.size !== replacedImports.length) {
    throw new Error(
      `run.ts or clusters.ts in watchdog/app has other imports than expected; replaced: ${[...replaced].join(", ")}`,
    );
  }
}

/** Modules of watchdog/app, and the import of each that is replaced. */
const replacedImports = [
  { of: "run.ts", path: "./store.ts" },
  { of: "clusters.ts", path: "../adapters/elasticsearch/cluster.ts" },
] as const;

function replaceImports(replaced: Set<string>): Plugin {
  return {
    name: "interruption",
    setup: (bundling) => {
      bundling.onResolve({ filter: /\/(store|cluster)\.ts$/ }, ({ importer, path: imported }) => {
        const isReplaced = replacedImports.some(
          (replacement) =>
            imported === replacement.path && importer === path.join(root, "watchdog", "app", replacement.of),
        );
        if (!isReplaced) return undefined;
        replaced.add(imported);
        return { path: path.join(import.meta.dirname, "watchdog-interruption.ts") };
      });
    },
  };
}
