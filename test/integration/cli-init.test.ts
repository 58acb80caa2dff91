import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { TestAuthority } from "./support/certificates.ts";
import { runProgram } from "./support/run-program.ts";

/** `es-failover init` at a terminal, and without one. No cluster answers. */

const program = path.join(import.meta.dirname, "..", "..", "watchdog", "cli", "main.ts");
const scriptMissing = spawnSync("script", ["--version"]).error !== undefined;
let directory: string;
const at = (name: string) => path.join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-init-"));
  const { caFile } = await TestAuthority.create(directory);
  const region = async () => ({ nodes: [`https://127.0.0.1:${await freePort()}`], caFile });
  const answers = {
    name: "proxy-1",
    site: "paris",
    regions: { paris: await region(), montreal: await region() },
    replication: { patterns: ["orders*"] },
    store: { kind: "file", directory: at("store") },
  };
  await writeFile(at("answers.json"), JSON.stringify(answers));
  await writeFile(at("wrong.json"), JSON.stringify({ ...answers, replicaton: {}, password: "typed-by-mistake" }));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const command = (file: string) => [program, "--config", at("watchdog.json"), "init", "--from", at(file)];

test("without a terminal a password that no file holds cannot be asked for, and the message gives what to do", async () => {
  expect(await runProgram(process.execPath, command("answers.json"))).toMatchObject({
    code: 2,
    err: expect.stringMatching(/no terminal to ask on \(Password of elastic in paris:\): write the answers/),
  });
});

test("answers with unknown keys are refused with the closest one, and without their values", async () => {
  const { code, err } = await runProgram(process.execPath, command("wrong.json"));
  expect(code).toBe(2);
  expect(err).toMatch(/replicaton is not a known key of .*wrong\.json; the closest one is replication/);
  expect(err).not.toContain("typed-by-mistake");
});

const title = `a password that is typed is not shown${scriptMissing ? " (skipped: no program script here)" : ""}`;
test.skipIf(scriptMissing)(title, async () => {
  const typed = [process.execPath, ...command("answers.json")].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", typed, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for (const region of ["paris", "montreal"]) {
    const question = `Password of elastic in ${region}: `;
    await eventually(
      () => `${question} is asked; shown: ${shown}`,
      15_000,
      async () => shown.includes(question),
    );
    child.stdin.write(`correct-horse-${region}\r`);
  }
  expect(await ended).toBe(1);
  expect(shown).toContain("ECONNREFUSED");
  expect(shown).not.toContain("correct-horse");
});
