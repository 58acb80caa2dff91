import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { cachedDirectory } from "../../../watchdog/util/cache.ts";
import { installPackages, isInstalled } from "../../machine/apt.ts";
import { run } from "../../util/run.ts";
import { unpackDebianPackages } from "./debian-packages.ts";

const libraryPackages = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g"];

/**
 * Makes the programs in `bin` of a Java home run on this machine. A JDK from Debian 13 needs Debian 13's C library or a
 * newer one: on a machine with an older one, patchelf makes its programs use Debian 13's from the cache.
 */
export async function makeRunnable(javaHome: string, say: (line: string) => void): Promise<void> {
  if (await runs(javaHome)) return;
  say("this machine's C library is older than Debian 13's: patching the programs to use that one");
  if (!(await isInstalled("patchelf"))) await installPackages(["patchelf"], say);
  const libraries = await debianLibraries();
  const bin = path.join(javaHome, "bin");
  for (const name of await readdir(bin)) {
    if (await isProgram(path.join(bin, name))) await useLibraries(path.join(bin, name), libraries);
  }
  await useLibraries(path.join(javaHome, "lib/jspawnhelper"), libraries);
  if (!(await runs(javaHome))) throw new Error(`the programs of ${javaHome} do not run on this machine`);
}

async function runs(javaHome: string): Promise<boolean> {
  return run(path.join(javaHome, "bin/java"), ["-version"]).then(
    () => true,
    () => false,
  );
}

async function debianLibraries(): Promise<string> {
  const directory = await cachedDirectory("debian-libraries", "debian-13-1", (scratch) =>
    unpackDebianPackages(libraryPackages, scratch),
  );
  return path.join(directory, "usr/lib/x86_64-linux-gnu");
}

async function isProgram(file: string): Promise<boolean> {
  return (await readFile(file)).subarray(0, 4).equals(Buffer.from("\x7fELF", "latin1"));
}

async function useLibraries(program: string, libraries: string): Promise<void> {
  const interpreter = path.join(libraries, "ld-linux-x86-64.so.2");
  const rpath = `$ORIGIN/../lib:${libraries}`;
  await run("patchelf", ["--set-interpreter", interpreter, "--force-rpath", "--set-rpath", rpath, program]);
}
