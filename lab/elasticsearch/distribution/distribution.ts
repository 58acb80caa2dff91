import { cp, readdir, utimes } from "node:fs/promises";
import path from "node:path";
import { cachedDirectory, isCached } from "../../../watchdog/util/cache.ts";
import type { SetUpStep } from "../../machine/step.ts";
import { javaRuntime } from "../jdk/java-runtime.ts";
import { type Jdk, obtainJdk, presentJdk } from "../jdk/jdk.ts";
import { elasticsearchVersion } from "../version.ts";
import { archiveClasses } from "./class-archive.ts";
import { fingerprint } from "./fingerprint.ts";
import { type ElasticsearchHome, homeFiles, layOutHome } from "./home.ts";
import { javaSources } from "./java-build.ts";
import { elasticsearchJars, pom } from "./maven.ts";

export interface Distribution extends ElasticsearchHome {
  /** Changes with everything it is built from. */
  readonly key: string;
  /** Programs for `jdk/bin` on the lab's hosts; those in `directory` may be patched for an older machine. */
  readonly hostPrograms: string;
}

const cacheName = "elasticsearch";

/** The lab's Elasticsearch from the cache; built when any of its inputs has changed. */
export async function elasticsearchDistribution(say: (line: string) => void = () => {}): Promise<Distribution> {
  const jdk = await obtainJdk(say);
  const key = await keyFor(jdk);
  const directory = await cachedDirectory(cacheName, key, async (scratch) => {
    const jars = await elasticsearchJars(say);
    const runtime = await javaRuntime(jdk, say);
    say("compiling the lab's modules");
    await layOutHome(scratch, jars, jdk);
    await cp(runtime.home, path.join(scratch, "jdk"), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
    await roundTimes(scratch);
    say("archiving class data");
    await archiveClasses(scratch);
  });
  const { hostPrograms } = await javaRuntime(jdk, say);
  return { directory, key, hostPrograms };
}

export const distributionStep: SetUpStep = {
  title: `Assemble Elasticsearch ${elasticsearchVersion} with the lab's CCR`,
  why: "the lab's hosts and the integration tests run it; about half a minute",
  isDone: async () => {
    const key = await distributionKey();
    return key !== undefined && isCached(cacheName, key);
  },
  run: async (say) => {
    await elasticsearchDistribution(say);
  },
};

/** Key of the distribution with the present inputs; undefined without a JDK to build it. */
export async function distributionKey(): Promise<string | undefined> {
  const jdk = await presentJdk();
  return jdk === undefined ? undefined : keyFor(jdk);
}

async function keyFor(jdk: Jdk): Promise<string> {
  const builders = [
    "home.ts",
    "java-build.ts",
    "class-archive.ts",
    "../jdk/java-runtime.ts",
    "../jdk/patch-programs.ts",
  ];
  const hash = await fingerprint({
    values: [jdk.version],
    paths: [javaSources, homeFiles, pom],
    builders: builders.map((file) => path.join(import.meta.dirname, file)),
  });
  return `${elasticsearchVersion}-${hash}`;
}

/**
 * Rounds times to whole seconds, the resolution of packages: the class-data archive requires jars with the times of its
 * creation.
 */
async function roundTimes(directory: string): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await utimes(path.join(entry.parentPath, entry.name), now, now);
  }
}
