import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";

const bootstrap = path.join(import.meta.dirname, "..", "..", "setup", "bootstrap.mjs");
let checkout: string;

const write = async (name: string, text: string, mode = 0o644) => {
  const file = path.join(checkout, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text, { mode });
};
const lock = (packages: object) => JSON.stringify({ packages: { "": { name: "checkout" }, ...packages } });

/** A checkout with one package, an optional one, and an `npm` that notes its calls and installs nothing. */
beforeEach(async () => {
  checkout = await mkdtemp(path.join(tmpdir(), "bootstrap-"));
  await mkdir(path.join(checkout, "setup"));
  await copyFile(bootstrap, path.join(checkout, "setup", "bootstrap.mjs"));
  await write("package.json", "{}");
  const optional = { version: "1.0.0", optional: true };
  await write(
    "package-lock.json",
    lock({ "node_modules/zod": { version: "4.6.7" }, "node_modules/fsevents": optional }),
  );
  await write("node_modules/.bin/node", "#!/bin/sh\nexit 0\n", 0o755);
  await write("bin/npm", `#!/bin/sh\necho "$*" >>"${checkout}/npm.log"\n`, 0o755);
});
afterEach(() => rm(checkout, { recursive: true, force: true }));

/** Calls of npm by one of the project's scripts. */
async function calls(): Promise<string> {
  const env = { ...process.env, PATH: `${path.join(checkout, "bin")}:${process.env["PATH"]}` };
  const { status } = spawnSync(process.execPath, [path.join(checkout, "setup", "bootstrap.mjs"), "init"], { env });
  expect(status).toBe(0);
  return readFile(path.join(checkout, "npm.log"), "utf8").catch(() => "");
}

test.each([
  ["nothing", null],
  ["another version", lock({ "node_modules/zod": { version: "4.6.6" } })],
])(
  "the first of the project's commands installs its packages where npm has installed %s, and no later one does",
  async (_, had) => {
    if (had !== null) await write("node_modules/.package-lock.json", had);
    const first = await calls();
    expect(first).toMatch(/^ci [^\n]*\n$/);
    expect(await calls()).toBe(first);
  },
);

test("no command installs them again after `npm ci`", async () => {
  await write("node_modules/.package-lock.json", lock({ "node_modules/zod": { version: "4.6.7" } }));
  expect(await calls()).toBe("");
});
