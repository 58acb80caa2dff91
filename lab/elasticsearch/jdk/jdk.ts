import { existsSync } from "node:fs";
import { readdir, readFile, realpath } from "node:fs/promises";
import path from "node:path";
import type { SetUpStep } from "../../machine/step.ts";
import { run } from "../../util/run.ts";
import { isDebianJdkCached, jdkFromDebian } from "./debian-jdk.ts";

/** Oldest Java release for Elasticsearch 9. */
export const oldestJavaRelease = 21;

export interface Jdk {
  readonly home: string;
  /** From its file `release`, such as "25.0.3". */
  readonly version: string;
}

/**
 * The newest JDK on this machine that can compile for Elasticsearch and link run-time images, among JAVA_HOME, that of
 * each `javac` on PATH, and those in /usr/lib/jvm.
 */
export async function findJdk(): Promise<Jdk | undefined> {
  const found = await Promise.all((await candidateHomes()).map(inspectJdk));
  return found
    .filter((jdk) => jdk !== undefined)
    .sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }))
    .at(0);
}

/** `findJdk`, else the cached one from Debian's packages. */
export async function presentJdk(): Promise<Jdk | undefined> {
  return (await findJdk()) ?? ((await isDebianJdkCached()) ? inspectJdk(await jdkFromDebian(() => {})) : undefined);
}

/** `presentJdk`, else a new one from Debian's packages. */
export async function obtainJdk(say: (line: string) => void = () => {}): Promise<Jdk> {
  const present = await presentJdk();
  if (present !== undefined) return present;
  const home = await jdkFromDebian(say);
  const jdk = await inspectJdk(home);
  if (jdk === undefined) throw new Error(`the JDK from Debian's packages in ${home} does not run on this machine`);
  return jdk;
}

export const jdkStep: SetUpStep = {
  title: `Find or fetch a JDK, release ${oldestJavaRelease} or newer`,
  why: "compiles the lab's Elasticsearch plugins and becomes its Java run time; 125 MB if the machine has none",
  isDone: async () => (await presentJdk()) !== undefined,
  run: async (say) => {
    await obtainJdk(say);
  },
};

async function candidateHomes(): Promise<string[]> {
  const homes = new Set<string>();
  const add = async (home: string) => {
    if (existsSync(path.join(home, "bin/javac"))) homes.add(await realpath(home));
  };
  const fromEnvironment = process.env["JAVA_HOME"];
  if (fromEnvironment !== undefined) await add(fromEnvironment);
  for (const directory of (process.env["PATH"] ?? "").split(":")) {
    const javac = path.join(directory, "javac");
    if (existsSync(javac)) await add(path.dirname(path.dirname(await realpath(javac))));
  }
  const parent = "/usr/lib/jvm";
  if (existsSync(parent)) for (const entry of await readdir(parent)) await add(path.join(parent, entry));
  return [...homes];
}

async function inspectJdk(home: string): Promise<Jdk | undefined> {
  try {
    const release = await readFile(path.join(home, "release"), "utf8");
    const version = /^JAVA_VERSION="([^"]+)"/m.exec(release)?.[1];
    if (version === undefined || Number.parseInt(version, 10) < oldestJavaRelease) return undefined;
    if (!existsSync(path.join(home, "jmods"))) {
      const help = await run(path.join(home, "bin/jlink"), ["--help"]);
      if (!help.includes("Linking from run-time image enabled")) return undefined;
    }
    await run(path.join(home, "bin/javac"), ["-version"]);
    return { home, version };
  } catch {
    // An incomplete JDK, or one for another architecture.
    return undefined;
  }
}
