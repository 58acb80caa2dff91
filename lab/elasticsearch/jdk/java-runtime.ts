import { cp } from "node:fs/promises";
import path from "node:path";
import { cachedDirectory } from "../../../watchdog/util/cache.ts";
import { run } from "../../util/run.ts";
import type { Jdk } from "./jdk.ts";
import { makeRunnable } from "./patch-programs.ts";

/** Java modules of Elasticsearch and its plugins, and jcmd to inspect a running node. */
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

export interface JavaRuntime {
  /** Java home for this machine. */
  readonly home: string;
  /** The programs in its `bin` for the lab's hosts; those in `home` may be patched for this machine. */
  readonly hostPrograms: string;
}

/** Links a Java run time for Elasticsearch from a JDK, with Java's own class-data archive. */
export async function javaRuntime(jdk: Jdk, say: (line: string) => void): Promise<JavaRuntime> {
  const directory = await cachedDirectory("java-runtime", `${jdk.version}-2`, async (scratch) => {
    const home = path.join(scratch, "jdk");
    const trim = ["--strip-java-debug-attributes", "--no-header-files", "--no-man-pages"];
    await run(path.join(jdk.home, "bin/jlink"), ["--add-modules", modules.join(","), ...trim, "--output", home]);
    await cp(path.join(home, "bin"), path.join(scratch, "host-bin"), { recursive: true });
    await makeRunnable(home, say);
    await run(path.join(home, "bin/java"), ["-Xshare:dump"]);
  });
  return { home: path.join(directory, "jdk"), hostPrograms: path.join(directory, "host-bin") };
}
