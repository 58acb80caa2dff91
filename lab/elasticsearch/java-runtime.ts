import path from "node:path";
import { cachedDirectory } from "../../setup/cache.ts";
import { runCommand } from "./command.ts";
import type { Jdk } from "./jdk.ts";

/** What Elasticsearch and its plugins use, and what helps to look into a running node (jcmd). */
const modules = [
  "java.se",
  "jdk.crypto.ec",
  "jdk.incubator.vector",
  "jdk.jcmd",
  "jdk.management",
  "jdk.management.agent",
  "jdk.naming.dns",
  "jdk.net",
  "jdk.security.auth",
  "jdk.unsupported",
  "jdk.zipfs",
];

/** A Java run time with what Elasticsearch needs, linked from the JDK, with Java's own class-data archive. */
export async function javaRuntime(jdk: Jdk): Promise<string> {
  const directory = await cachedDirectory("java-runtime", jdk.version, async (scratch) => {
    await runCommand(path.join(jdk.home, "bin/jlink"), [
      "--add-modules",
      modules.join(","),
      "--strip-java-debug-attributes",
      "--no-header-files",
      "--no-man-pages",
      "--generate-cds-archive",
      "--output",
      path.join(scratch, "jdk"),
    ]);
  });
  return path.join(directory, "jdk");
}
