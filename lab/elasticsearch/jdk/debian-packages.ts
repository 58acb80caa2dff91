import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { debianMirror } from "../../machine/debian-mirror.ts";
import { run } from "../../util/run.ts";

/** Debian 13, as on the lab's hosts. */
const suite = "trixie";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Unpacks packages of Debian 13 into a directory, without dependencies and installation scripts. Downloads them from the
 * mirror of this machine's apt and verifies them with Debian's keys.
 */
export async function unpackDebianPackages(names: readonly string[], into: string): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-apt-"));
  try {
    const options = await privateApt(scratch);
    await run("apt-get", [...options, "update", "-q"]);
    await run("apt-get", [...options, "download", "-q", ...names], { cwd: scratch });
    for (const file of await readdir(scratch)) {
      if (file.endsWith(".deb")) await run("dpkg-deb", ["--extract", path.join(scratch, file), into]);
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Options that make apt use lists, cache and sources below `directory` instead of the machine's. */
async function privateApt(directory: string): Promise<string[]> {
  if (!existsSync(keyring)) {
    throw new Error(`${keyring} is missing: install the package debian-archive-keyring, which has Debian's keys`);
  }
  const sources = path.join(directory, "sources");
  for (const name of ["sources", "lists/partial", "archives/partial"]) {
    await mkdir(path.join(directory, name), { recursive: true });
  }
  const fields = ["Types: deb", `URIs: ${(await debianMirror()).main}`, `Suites: ${suite}`, "Components: main"];
  await writeFile(path.join(sources, "debian.sources"), [...fields, `Signed-By: ${keyring}`, ""].join("\n"));
  const settings = {
    "Dir::Etc::SourceList": "/dev/null",
    "Dir::Etc::SourceParts": sources,
    "Dir::Etc::Preferences": "/dev/null",
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Dir::State::Lists": path.join(directory, "lists"),
    "Dir::State::Status": "/dev/null",
    "Dir::Cache": directory,
    // apt's sandbox user has no access to the directory.
    "APT::Sandbox::User": "root",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}
