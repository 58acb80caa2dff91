import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { cachedDirectory, cachePath, isCached } from "../../watchdog/util/cache.ts";
import { run } from "../util/run.ts";
import { debianMirror } from "./debian-mirror.ts";
import type { SetUpStep } from "./step.ts";

/** Debian 13, which is also an image of OVHcloud. */
const suite = "trixie";

/** A root file system that mmdebstrap makes once, for the cache. */
interface RootRecipe {
  readonly name: string;
  readonly packages: readonly string[];
  /** Script that mmdebstrap runs with the finished root as its argument. */
  readonly customise?: string;
}

/**
 * The content of a cloud image; provisioning installs the rest. Without libpam-systemd, as every user session would use
 * inotify instances, of which the machine has 128 for all hosts together.
 */
const hostRoot: RootRecipe = {
  name: "host-root",
  packages: [
    ...["systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "procps", "e2fsprogs", "python3-minimal"],
    ...["iproute2", "iputils-ping", "nftables", "curl", "ca-certificates", "openssl", "gpgv"],
  ],
  customise: path.join(import.meta.dirname, "debian-root", "customise-host.sh"),
};

/**
 * HAProxy 3.0, keepalived and etcd 3.5 as on the hosts, the tools of Prometheus, and the programs of clients/templates, for
 * tests that run them without a host.
 */
const toolsRoot: RootRecipe = {
  name: "tools-root",
  packages: [
    ...["haproxy", "keepalived", "etcd-server", "etcd-client", "ca-certificates", "procps"],
    ...["prometheus", "prometheus-alertmanager", "nginx"],
    ...["rsyslog", "rsyslog-elasticsearch"],
  ],
  customise: path.join(import.meta.dirname, "debian-root", "customise-tools.sh"),
};

/**
 * A browser for the test of the status page, with one font. Chromium's headless shell comes from the same source as its
 * desktop program, without what a desktop needs.
 */
const browserRoot: RootRecipe = {
  name: "browser-root",
  packages: ["chromium-headless-shell", "fonts-dejavu-core", "ca-certificates", "procps"],
};

async function recipeKey(recipe: RootRecipe): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([suite, recipe.packages]));
  // Lines of comment do not count, as a build takes a minute.
  if (recipe.customise !== undefined)
    hash.update((await readFile(recipe.customise, "utf8")).replaceAll(/^#.*\n/gm, ""));
  return `${suite}-${hash.digest("hex").slice(0, 12)}`;
}

async function buildRoot(recipe: RootRecipe, target: string, say: (line: string) => void): Promise<void> {
  const mirror = await debianMirror();
  const sources = [`deb ${mirror.main} ${suite} main`, `deb ${mirror.main} ${suite}-updates main`];
  if (mirror.security !== undefined) sources.push(`deb ${mirror.security} ${suite}-security main`);
  const sourcesFile = `${target}.list`;
  await writeFile(sourcesFile, `${sources.join("\n")}\n`);
  const excluded = ["/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*", "/usr/share/info/*"];
  say(`mmdebstrap: Debian ${suite} with ${recipe.packages.length} packages`);
  await run("mmdebstrap", [
    ...["--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Check-Valid-Until "false"'],
    ...excluded.map((glob) => `--dpkgopt=path-exclude=${glob}`),
    `--include=${recipe.packages.join(",")}`,
    ...(recipe.customise === undefined ? [] : [`--customize-hook=${recipe.customise}`]),
    ...[suite, target, sourcesFile],
  ]);
  // mmdebstrap made it private, but it becomes the hosts' "/".
  await chmod(target, 0o755);
}

async function rootDirectory(recipe: RootRecipe, say: (line: string) => void = () => {}): Promise<string> {
  const directory = await cachedDirectory(recipe.name, await recipeKey(recipe), async (scratch) => {
    const target = path.join(scratch, "root");
    await mkdir(target);
    await buildRoot(recipe, target, say);
  });
  return path.join(directory, "root");
}

function rootStep(recipe: RootRecipe, title: string, why: string): SetUpStep {
  return {
    title,
    why,
    isDone: async () => isCached(recipe.name, await recipeKey(recipe)),
    run: async (say) => {
      await rootDirectory(recipe, say);
    },
  };
}

/** The root file system that the lab's hosts share, each with a layer of its own. Built if missing. */
export function hostRootDirectory(): Promise<string> {
  return rootDirectory(hostRoot);
}

/** The root file system for `toolsCommand` (tools-command.ts). Built if missing. */
export function toolsRootDirectory(): Promise<string> {
  return rootDirectory(toolsRoot);
}

/** The tools root; undefined when it is not built. For tests that decide whether they can run. */
export function existingToolsRoot(): Promise<string | undefined> {
  return existingRoot(toolsRoot);
}

/** The root with the browser, for `toolsCommand`; undefined when it is not built. */
export function existingBrowserRoot(): Promise<string | undefined> {
  return existingRoot(browserRoot);
}

async function existingRoot(recipe: RootRecipe): Promise<string | undefined> {
  const key = await recipeKey(recipe);
  return isCached(recipe.name, key) ? path.join(cachePath(recipe.name, key), "root") : undefined;
}

export const hostRootStep: SetUpStep = rootStep(
  hostRoot,
  `Make the root file system of the lab's hosts (Debian ${suite})`,
  "every lab host boots from it; about a minute",
);

export const toolsRootStep: SetUpStep = rootStep(
  toolsRoot,
  "Install HAProxy 3.0, keepalived, etcd 3.5, Prometheus, rsyslog and syslog-ng into a root file system of their own",
  "tests run the same programs as the hosts; about a minute",
);

export const browserRootStep: SetUpStep = rootStep(
  browserRoot,
  "Install Chromium into a root file system of its own",
  "a test opens the status page in it; a minute or two, 620 MB",
);
