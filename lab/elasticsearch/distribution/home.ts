import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "../../util/run.ts";
import type { Jdk } from "../jdk/jdk.ts";
import { elasticsearchVersion } from "../version.ts";
import { buildLabModule, compileJar, labModules } from "./java-build.ts";

/** A runnable Elasticsearch home: `bin`, `lib`, `modules`, `config` and its own Java run time in `jdk`. */
export interface ElasticsearchHome {
  readonly directory: string;
}

export const homeFiles = path.join(import.meta.dirname, "home");

/** Modules from Maven Central, each with the directories whose jars are on its class path already. */
const modules = [
  { name: "transport-netty4", sees: ["lib"] },
  { name: "x-pack-core", sees: ["lib"] },
  { name: "x-pack-security", sees: ["lib", "modules/x-pack-core"] },
] as const;

/** Jars of x-pack-security with classes of another of its jars; Elasticsearch refuses duplicate classes. */
const duplicates = /^(slf4j-api-1|jcip-annotations-1\.0\.jar|jakarta\.activation-api-)/;

/** Lays out `lib`, `modules`, `bin` and `config` of an Elasticsearch home from jars and the lab's sources. */
export async function layOutHome(home: string, jars: string, jdk: Jdk): Promise<void> {
  await cp(homeFiles, home, { recursive: true });
  for (const directory of ["plugins", "config/jvm.options.d"])
    await mkdir(path.join(home, directory), { recursive: true });
  await cp(path.join(jars, "lib"), path.join(home, "lib"), { recursive: true });
  for (const module of modules) await layOutModule(home, jars, jdk, module);
  await compileJar(jdk, "launcher", [path.join(home, "lib/*")], path.join(home, "lib/lab-launcher.jar"));
  for (const module of labModules) await buildLabModule(jdk, home, module);
}

async function layOutModule(home: string, jars: string, jdk: Jdk, module: (typeof modules)[number]): Promise<void> {
  const directory = path.join(home, "modules", module.name);
  await mkdir(directory, { recursive: true });
  for (const jar of await readdir(path.join(jars, module.name))) {
    const isSeen = module.sees.some((seen) => existsSync(path.join(home, seen, jar)));
    if (!isSeen && !duplicates.test(jar)) await copyFile(path.join(jars, module.name, jar), path.join(directory, jar));
  }
  await extractDescriptor(directory, jdk, module.name);
}

/** Extracts the plugin's descriptor and entitlements from its jar. */
async function extractDescriptor(directory: string, jdk: Jdk, name: string): Promise<void> {
  const jar = path.join(directory, `${name}-${elasticsearchVersion}.jar`);
  const inJar = `META-INF/es-plugins/${name}`;
  await run(path.join(jdk.home, "bin/jar"), ["--extract", "--file", jar, inJar], { cwd: directory });
  for (const file of ["plugin-descriptor.properties", "entitlement-policy.yaml"]) {
    const text = await readFile(path.join(directory, inJar, file), "utf8");
    // Without its module name it is loaded from the class path: Maven's layout has no complete module path.
    await writeFile(path.join(directory, file), text.replace(/^modulename=.*\n/m, ""));
  }
  await rm(path.join(directory, "META-INF"), { recursive: true });
}
