import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hooksSchema } from "../../watchdog/config/hooks.ts";
import { hookFileViolations } from "../../watchdog/config/referenced-files.ts";
import { sentenceOf } from "../../watchdog/config/violations.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-hooks-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe("hooks", () => {
  test("by default there are none, and one that fails stops no change", () => {
    expect(hooksSchema.parse({})).toEqual({ beforeClosing: [], afterOpening: [], retryAfterMs: 60_000 });
    expect(hooksSchema.parse({ beforeClosing: [{ command: ["/h"] }] }).beforeClosing).toEqual([
      { command: ["/h"], timeoutMs: 10_000, onFailure: "continue" },
    ]);
  });

  test.each<[string, object]>([
    ["a relative command", { beforeClosing: [{ command: ["h"] }] }],
    ["a line for a shell", { beforeClosing: [{ command: "/h --now" }] }],
    ["no command", { beforeClosing: [{ command: [] }] }],
    ["no bound", { beforeClosing: [{ command: ["/h"], timeoutMs: 600_001 }] }],
    [
      "a stop after the opening, when nothing can be stopped",
      { afterOpening: [{ command: ["/h"], onFailure: "stop" }] },
    ],
    ["more than ten programs", { afterOpening: Array.from({ length: 11 }, () => ({ command: ["/h"] })) }],
  ])("with %s are refused", (_what, hooks) => {
    expect(hooksSchema.safeParse(hooks).success).toBe(false);
  });

  test("have their programs checked: there, and permitted to run", async () => {
    const at = (name: string) => path.join(directory, name);
    for (const [name, mode] of [
      ["runs", 0o755],
      ["closed", 0o644],
    ] as const) {
      await writeFile(at(name), "#!/bin/sh\n");
      await chmod(at(name), mode);
    }
    const hooks = hooksSchema.parse({
      beforeClosing: [{ command: [at("runs")] }, { command: [at("closed")] }],
      afterOpening: [{ command: [at("missing")] }],
    });
    expect((await hookFileViolations(hooks)).map(sentenceOf)).toEqual([
      expect.stringMatching(/^hooks\.beforeClosing\[1\]\.command\[0\] names .*cannot be run: permission denied/),
      expect.stringMatching(/^hooks\.afterOpening\[0\]\.command\[0\] names .*cannot be run: /),
    ]);
  });
});
