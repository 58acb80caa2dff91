#!/usr/bin/env node
// The first thing that `npm start` and `npm test` run, on a machine where nothing is set up: plain JavaScript for
// whatever Node is there (18 or later). It installs the npm packages, Node 24 among them, and goes on with that.
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

/** An install that was interrupted has written no stamp, so it is done again. */
function packagesAreThere() {
  return existsSync(ownNode) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
}

if (!packagesAreThere()) {
  console.log("Install the npm packages: the program's libraries, and Node 24 to run it with (about a minute)");
  const install = spawnSync("npm", ["ci", "--no-progress", "--loglevel=error"], { cwd: root, stdio: "inherit" });
  if (install.status !== 0 || !existsSync(ownNode)) {
    console.error("es-failover: `npm ci` failed; its messages stand above. Is the npm registry within reach?");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

// Ctrl-C reaches the child as well, which has a lab to tear down: wait for it instead of ending first.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => main.kill(signal));
const main = spawn(ownNode, [path.join(root, "setup", "main.ts"), ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${path.join(modules, ".bin")}${path.delimiter}${process.env.PATH ?? ""}` },
});
main.on("exit", (code) => process.exit(code ?? 1));
