import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { type CommandTree, completionScript, shells } from "../../watchdog/cli/completion.ts";

const leaf = (name: string, options: readonly string[] = []): CommandTree => ({
  name,
  description: `does ${name}; it's quick`,
  options: [...options, "--help"],
  commands: [],
});
const program: CommandTree = {
  name: "es-failover",
  description: "",
  options: ["-c", "--config"],
  commands: [
    leaf("status", ["--json"]),
    { ...leaf("salvage"), commands: [leaf("list", ["--json"]), leaf("replay", ["--classes"])] },
  ],
};

/** Completions of bash after these words, the last of which is being typed. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `${completionScript("bash", program)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _es_failover; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync("bash", ["-c", script, "bash", "es-failover", ...words], { encoding: "utf8" });
  return out.split("\n").filter((word) => word !== "");
}

describe("shell completion", () => {
  test("bash completes commands, then their options and subcommands, at every depth", () => {
    expect(offered("")).toEqual(["status", "salvage", "-c", "--config"]);
    expect(offered("sa")).toEqual(["salvage"]);
    expect(offered("status", "--")).toEqual(["--json", "--help"]);
    expect(offered("salvage", "")).toEqual(["list", "replay", "--help"]);
    expect(offered("salvage", "replay", "--c")).toEqual(["--classes"]);
    expect(offered("--config", "/some/file", "salvage", "list", "--j")).toEqual(["--json"]);
  });

  test("every shell's script names every command and option", () => {
    for (const shell of shells) {
      const script = completionScript(shell, program);
      for (const word of ["status", "salvage", "list", "replay", "json", "classes"]) expect(script).toContain(word);
    }
  });

  test("fish has quoted descriptions", () => {
    expect(completionScript("fish", program)).toContain("-a status -d 'does status; it\\'s quick'");
  });
});
