import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "../../util/run.ts";
import { type Jdk, oldestJavaRelease } from "../jdk/jdk.ts";
import { elasticsearchVersion } from "../version.ts";

export const javaSources = path.join(import.meta.dirname, "..", "java");

/** An Elasticsearch module of the lab, compiled from `java/<source>`. */
export interface LabModule {
  readonly source: string;
  /** Directory below `modules/`. */
  readonly name: string;
  readonly description: string;
  readonly pluginClass: string;
  /** Modules on its class path. */
  readonly extends: readonly string[];
}

export const labModules: readonly LabModule[] = [
  {
    source: "support",
    name: "lab-support",
    description: "fills in for analysis-common and rest-root, which are not on Maven Central",
    pluginClass: "esfailover.lab.support.SupportPlugin",
    extends: [],
  },
  {
    source: "data-streams",
    name: "lab-data-streams",
    description: "the data stream API, which is not on Maven Central",
    pluginClass: "esfailover.lab.streams.DataStreamsPlugin",
    extends: [],
  },
  {
    source: "ccr",
    name: "lab-ccr",
    description: "stand-in for cross-cluster replication, which is not on Maven Central",
    pluginClass: "esfailover.lab.ccr.CcrPlugin",
    extends: ["x-pack-core"],
  },
];

/** Compiles `java/<source>` against jars of the home and packs the classes, and its other files, into `jar`. */
export async function compileJar(jdk: Jdk, source: string, classPath: readonly string[], jar: string): Promise<void> {
  const root = path.join(javaSources, source);
  const present = await readdir(root, { recursive: true, withFileTypes: true });
  const all = present
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(root, path.join(parentPath, name)));
  const files = all.filter((file) => file.endsWith(".java"));
  await mkdir(path.dirname(jar), { recursive: true });
  const classes = await mkdtemp(path.join(path.dirname(jar), ".classes-"));
  try {
    await run(path.join(jdk.home, "bin/javac"), [
      "--release",
      String(oldestJavaRelease),
      "-proc:none",
      // The jars use annotations that are missing at compile time.
      "-nowarn",
      "-Xlint:-options,-classfile",
      "-cp",
      classPath.join(":"),
      "-d",
      classes,
      ...files.map((file) => path.join(root, file)),
    ]);
    for (const file of all.filter((each) => !each.endsWith(".java"))) {
      await cp(path.join(root, file), path.join(classes, file));
    }
    await run(path.join(jdk.home, "bin/jar"), ["--create", "--file", jar, "-C", classes, "."]);
  } finally {
    await rm(classes, { recursive: true });
  }
}

/** Compiles a lab module into `HOME/modules/<name>`. */
export async function buildLabModule(jdk: Jdk, home: string, module: LabModule): Promise<void> {
  const directory = path.join(home, "modules", module.name);
  const classPath = ["lib", ...module.extends.map((name) => `modules/${name}`)].map((jars) =>
    path.join(home, jars, "*"),
  );
  await compileJar(jdk, module.source, classPath, path.join(directory, `${module.name}.jar`));
  const descriptor = {
    name: module.name,
    description: module.description,
    version: elasticsearchVersion,
    "elasticsearch.version": elasticsearchVersion,
    "java.version": String(oldestJavaRelease),
    classname: module.pluginClass,
    "extended.plugins": module.extends.join(","),
  };
  const lines = Object.entries(descriptor).filter(([, value]) => value !== "");
  const text = lines.map(([key, value]) => `${key}=${value}\n`).join("");
  await writeFile(path.join(directory, "plugin-descriptor.properties"), text);
}
