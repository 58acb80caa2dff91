import { existsSync } from "node:fs";
import { cp, readlink, rm } from "node:fs/promises";
import path from "node:path";
import { cachedDirectory, isCached } from "../../../watchdog/util/cache.ts";
import { run } from "../../util/run.ts";
import { unpackDebianPackages } from "./debian-packages.ts";
import { makeRunnable } from "./patch-programs.ts";

/** Debian 13 has the oldest usable release, 21; Debian 12 has none. */
const packages = ["openjdk-21-jdk-headless", "openjdk-21-jre-headless"];
const homeInPackages = "usr/lib/jvm/java-21-openjdk-amd64";
const cacheName = "jdk";
const cacheKey = "debian-13-openjdk-21-1";

export async function isDebianJdkCached(): Promise<boolean> {
  return isCached(cacheName, cacheKey);
}

/** Home of a JDK from Debian 13's packages, without installing them on this machine. */
export async function jdkFromDebian(say: (line: string) => void): Promise<string> {
  const directory = await cachedDirectory(cacheName, cacheKey, async (scratch) => {
    say("fetching OpenJDK 21 from Debian 13");
    const unpacked = path.join(scratch, "unpacked");
    await unpackDebianPackages(packages, unpacked);
    await moveConfigurationIn(unpacked);
    const home = path.join(scratch, "jdk");
    await cp(path.join(unpacked, homeInPackages), home, { recursive: true, verbatimSymlinks: true });
    await rm(unpacked, { recursive: true });
    await makeRunnable(home, say);
  });
  return path.join(directory, "jdk");
}

/** Copies the JDK's configuration into its home, where Debian has links to /etc. */
async function moveConfigurationIn(unpacked: string): Promise<void> {
  const home = path.join(unpacked, homeInPackages);
  const links = (await run("find", [home, "-type", "l", "-lname", "/etc/*"])).trim().split("\n");
  for (const link of links) {
    const target = path.join(unpacked, await readlink(link));
    if (!existsSync(target)) continue;
    await rm(link);
    await cp(target, link, { recursive: true });
  }
}
