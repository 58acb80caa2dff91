import path from "node:path";
import { cachedDirectory, isCached } from "../../../watchdog/util/cache.ts";
import { installPackages, isInstalled } from "../../machine/apt.ts";
import type { SetUpStep } from "../../machine/step.ts";
import { run } from "../../util/run.ts";
import { elasticsearchVersion } from "../version.ts";
import { fingerprint } from "./fingerprint.ts";

export const pom = path.join(import.meta.dirname, "pom.xml");
const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const cacheName = "elasticsearch-jars";

/** Parts of the home: a profile of pom.xml and a directory of jars each. */
export const jarGroups = ["lib", "transport-netty4", "x-pack-core", "x-pack-security"] as const;

export const mavenStep: SetUpStep = {
  title: "Find or install Maven",
  why: "fetches Elasticsearch's jars from Maven Central",
  isDone: async () => (await isInstalled("mvn")) || (await areJarsCached()),
  run: async (say) => {
    if (!(await isInstalled("mvn"))) await installPackages(["maven"], say);
  },
};

export const jarsStep: SetUpStep = {
  title: `Fetch Elasticsearch ${elasticsearchVersion} from Maven Central`,
  why: "the lab's nodes are real Elasticsearch; about 90 MB and half a minute",
  isDone: areJarsCached,
  run: async (say) => {
    await elasticsearchJars(say);
  },
};

/** A directory with the jars of each group, including run-time dependencies. */
export async function elasticsearchJars(say: (line: string) => void = () => {}): Promise<string> {
  return cachedDirectory(cacheName, await cacheKey(), async (scratch) => {
    for (const group of jarGroups) {
      say(`jars of ${group}`);
      const options = ["-B", "-q", "-f", pom, `-P${group}`, `-Des.version=${elasticsearchVersion}`];
      const output = [`-DoutputDirectory=${path.join(scratch, group)}`, "-DincludeScope=runtime"];
      await run("mvn", [...options, copyDependencies, ...output]);
    }
  });
}

async function areJarsCached(): Promise<boolean> {
  return isCached(cacheName, await cacheKey());
}

async function cacheKey(): Promise<string> {
  return `${elasticsearchVersion}-${await fingerprint({ values: [copyDependencies], paths: [pom] })}`;
}
