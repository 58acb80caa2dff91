#!/usr/bin/env node
// The start of npm's scripts, on a machine where nothing is set up: plain JavaScript for any Node from 18 on. Installs the
// npm packages, which include Node 24, and runs main.ts with that. The scripts `exec` it, because npm sends a signal that it
// gets to its child alone: a shell in between would end without passing it on.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = path.join(root, "node_modules");
const stamp = path.join(modules, ".es-failover-installed");
const ownNode = path.join(modules, ".bin", "node");

const wanted = createHash("sha256")
  .update(readFileSync(path.join(root, "package.json")))
  .update(readFileSync(path.join(root, "package-lock.json")))
  .digest("hex");

/** The stamp is written last, so an interrupted install is repeated. */
function arePackagesInstalled() {
  return existsSync(ownNode) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
}

/** Whether someone has run `npm ci` already: npm writes what it has installed when it is done. */
function areInstalledByNpm() {
  const packagesIn = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  try {
    const installed = packagesIn(path.join(modules, ".package-lock.json"));
    const locked = Object.entries(packagesIn(path.join(root, "package-lock.json"))).filter(([name]) => name !== "");
    return (
      existsSync(ownNode) &&
      locked.every(([name, { version, optional }]) => optional || installed[name]?.version === version)
    );
  } catch {
    return false;
  }
}

if (!arePackagesInstalled() && areInstalledByNpm()) writeFileSync(stamp, wanted);
if (!arePackagesInstalled()) {
  console.log("Install the npm packages: the program's libraries, and Node 24 to run it with (about a minute)");
  const install = spawnSync("npm", ["ci", "--no-progress", "--loglevel=error"], { cwd: root, stdio: "inherit" });
  if (install.status !== 0 || !existsSync(ownNode)) {
    console.error("es-failover: `npm ci` failed, see its messages above. Is the npm registry reachable?");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

// The child also gets Ctrl-C and may have a lab to remove: wait for it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => main.kill(signal));
const main = spawn(ownNode, [path.join(root, "setup", "main.ts"), ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${path.join(modules, ".bin")}${path.delimiter}${process.env.PATH ?? ""}` },
});
main.on("exit", (code) => process.exit(code ?? 1));
