import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach } from "vitest";

const infra = path.join(import.meta.dirname, "..", "..", "..", "infra");

/** A place in which provisioning's scripts run with programs of the test in place of the host's own. */
export interface ScriptHost {
  /** Its directory, another one in each test. */
  directory(): string;
  /** A program that the script finds instead of the host's own; it notes its arguments in `NAME.arguments`. */
  program(name: string, text: string): Promise<string>;
  /** What a program noted. */
  noted(name: string): Promise<string>;
  /**
   * Lets curl answer by method and path, and note calls and bodies. An answer that begins with "REFUSED " is what it prints
   * before it fails.
   */
  answerCurl(answers: Readonly<Record<string, string>>): Promise<void>;
  /** Methods and paths that curl was called with. */
  calls(): Promise<readonly string[]>;
  /** Runs a script by its path below infra/. */
  run(script: string, input: object, env?: Readonly<Record<string, string>>): SpawnSyncReturns<string>;
}

/** Made before each test of the file and removed after it. */
export function scriptHost(): ScriptHost {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "provisioning-scripts-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const program = async (name: string, text: string) => {
    const file = path.join(directory, name);
    await writeFile(file, `#!/bin/sh\necho "$*" >>${directory}/${name}.arguments\n${text}\n`, { mode: 0o755 });
    return file;
  };
  const noted = (name: string) => readFile(path.join(directory, name), "utf8");
  return {
    directory: () => directory,
    program,
    noted,
    async answerCurl(answers) {
      const cases = Object.entries(answers).map(([call, answer]) => {
        const body = answer.startsWith("REFUSED ") ? answer.slice("REFUSED ".length) : answer;
        return `"${call}") echo '${body}'; ${body === answer ? "" : "exit 22"} ;;`;
      });
      await program(
        "curl",
        `while [ $# -gt 0 ]; do
  case "$1" in --request) method=$2 ;; --data-binary) cat >>${directory}/bodies; echo >>${directory}/bodies ;; https:*) url=$1 ;; esac
  shift
done
echo "$method /\${url#https://*/}" >>${directory}/calls
case "$method /\${url#https://*/}" in ${cases.join("\n")} esac`,
      );
    },
    calls: async () => (await noted("calls")).trim().split("\n"),
    run: (script, input, env = {}) =>
      spawnSync(path.join(infra, script), {
        input: JSON.stringify(input),
        encoding: "utf8",
        env: { ...process.env, PATH: `${directory}:${process.env["PATH"]}`, PROVISIONING_STATE: directory, ...env },
      }),
  };
}
