import { execFileSync } from "node:child_process";
import { chmod, chown, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";

const module_ = path.join(import.meta.dirname, "..", "..", "watchdog", "cli", "privileges.ts");
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

test.skipIf(!isRoot)(
  `files that root makes in the watchdog's directory belong to the watchdog${isRoot ? "" : " (skipped: needs root)"}`,
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "es-failover-privileges-"));
    try {
      await chmod(directory, 0o700);
      await chown(directory, NOBODY, NOBODY);
      const script = `const { actAsOwnerOf } = await import(${JSON.stringify(module_)});
const fs = await import("node:fs");
await actAsOwnerOf(${JSON.stringify(directory)});
fs.writeFileSync(${JSON.stringify(path.join(directory, "written"))}, "");
try { process.setuid(0); console.log("root again"); } catch { console.log("for good"); }
console.log(process.getgroups().join());`;
      const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
      expect(out.trim().split("\n")).toEqual(["for good", String(NOBODY)]);
      expect(await stat(path.join(directory, "written"))).toMatchObject({ uid: NOBODY, gid: NOBODY });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
