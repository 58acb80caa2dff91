import { spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { PulumiEngine } from "../../lab/cloud/engine.ts";
import { madeUpSecrets } from "../../lab/cloud/preview.ts";
import { pulumiStep } from "../../lab/machine/pulumi.ts";

const checkout = path.join(import.meta.dirname, "..", "..");
const hasPulumi = await pulumiStep.isDone();

interface Step {
  readonly name?: string;
  readonly if?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}
interface Workflow {
  readonly on: unknown;
  readonly permissions: unknown;
  readonly jobs: {
    readonly preview: { readonly env: Readonly<Record<string, string>>; readonly steps: readonly Step[] };
  };
}
const text = await readFile(path.join(checkout, "docs", "ci", "preview.yml"), "utf8");
const workflow = parse(text) as Workflow;
const { steps } = workflow.jobs.preview;

test("secrets are references, and only a pull request of the repository's own gets them", () => {
  expect(workflow.on).toBe("pull_request");
  expect(workflow.permissions).toEqual({ contents: "read" });
  const withSecrets = steps.filter(({ env }) =>
    Object.values(env ?? {}).some((value) => /secrets|github\.token/.test(value)),
  );
  expect(withSecrets.map(({ name }) => name)).toEqual(["Preview the stacks", "Comment on the pull request"]);
  for (const { if: condition } of withSecrets) expect(condition).toContain("env.IS_OWN == 'true'");
  for (const { run } of steps) expect(run ?? "").not.toContain("${{");
  for (const [, value = ""] of text.matchAll(/^ +(?:PULUMI|OVH|GH)_\w+: (.*)$/gm))
    expect(value).toMatch(/^\$\{\{ [\w.]+ \}\}$/);
});

describe.skipIf(!hasPulumi)(
  `the workflow's steps, run${hasPulumi ? "" : " (no Pulumi CLI: npm test makes one)"}`,
  () => {
    let directory: string;
    let environment: Readonly<Record<string, string>>;
    const summary = () => readFile(path.join(directory, "summary.md"), "utf8");

    /** A clone whose project file names the lab's providers, with `npm` and `gh` that do what those would do here. */
    beforeAll(async () => {
      directory = await mkdtemp(path.join(tmpdir(), "ci-workflow-"));
      const parts = [
        "infra",
        "lab",
        "policy",
        "setup",
        "watchdog",
        "package.json",
        "Pulumi.gra.yaml",
        "Pulumi.witness.yaml",
      ];
      for (const part of parts) await cp(path.join(checkout, part), path.join(directory, part), { recursive: true });
      await symlink(path.join(checkout, "node_modules"), path.join(directory, "node_modules"));
      const engine = await PulumiEngine.open({ usersProject: checkout, directory });
      const values = {
        ...(await madeUpSecrets()),
        "es-failover:serviceName": "0123456789abcdef0123456789abcdef",
        "es-failover:adminCidrs": ["203.0.113.7/32"],
        "es-failover:elasticsearch": { version: "9.5.3", licence: "trial" },
      };
      await engine.prepareStack("gra", values);
      await engine.prepareStack("witness", { ...values, "es-failover:protect": false });
      await engine.policyPack(path.join(checkout, "policy"));
      const bin = path.join(directory, "bin");
      await mkdir(bin);
      const programs = {
        npm: '[ "$1 $2" = "run --silent" ] && verb=$3 && shift 4 && exec node setup/main.ts "$verb" "$@"',
        gh: 'echo "$@" > gh.txt && cp preview.md comment.md',
      };
      for (const [name, script] of Object.entries(programs)) {
        await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
        await chmod(path.join(bin, name), 0o755);
      }
      environment = {
        ...engine.environment,
        PATH: `${bin}:${engine.environment["PATH"]}`,
        GITHUB_STEP_SUMMARY: path.join(directory, "summary.md"),
        GITHUB_REPOSITORY: "owner/es-failover",
        NUMBER: "7",
      };
    });

    afterAll(() => rm(directory, { recursive: true, force: true }));

    /** Runs the steps of a pull request as the runner would. @returns exit statuses by name, and all output */
    async function run(isOwn: boolean, env: Readonly<Record<string, string>>) {
      const statuses: Record<string, number | null> = {};
      let output = "";
      for (const step of steps) {
        const { run: script, if: condition = "", name = "" } = step;
        const forOther = condition.includes(isOwn ? "IS_OWN !=" : "IS_OWN ==");
        const hasFailed = Object.values(statuses).some((status) => status !== 0);
        if (script === undefined || forOther || (hasFailed && !condition.includes("always()"))) continue;
        statuses[name] = await new Promise((resolve, reject) => {
          const child = spawn("bash", ["-e", "-c", script], { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] });
          for (const stream of [child.stdout, child.stderr])
            stream.on("data", (data: Buffer) => (output += data.toString()));
          child.on("error", reject).on("close", resolve);
        });
      }
      return { statuses, output };
    }

    test("an own pull request is previewed with its stacks; a violated policy fails it, and the comment names it", async () => {
      const { statuses, output } = await run(true, environment);
      expect(statuses, output).toEqual({
        "Preview the stacks": 3,
        "Show the summary": 0,
        "Comment on the pull request": 0,
      });
      expect(output).toMatch(/^gra: \d+ created$/m);
      expect(output).toMatch(/^ {2}policies: all kept \(es-failover 0\.1\.0\)$/m);
      expect(output).toMatch(/^ {4}violated {2}hosts-are-protected at witness-1: The host witness-1 is not protected/m);
      expect(await readFile(path.join(directory, "gh.txt"), "utf8")).toContain("pr comment 7 --repo owner/es-failover");
      const comment = await readFile(path.join(directory, "comment.md"), "utf8");
      expect(comment).toMatch(/^### `gra`: \d+ created$/m);
      expect(comment).toMatch(/^\| created \| `ovh:CloudInstance` \| gra-es-1, gra-es-2, gra-es-3, gra-haproxy-1, /m);
      expect(comment).toContain("- **violated**: hosts-are-protected at witness-1");
      expect(await summary()).toBe(comment);
    });

    test("one from a fork is previewed with no credentials and no backend", async () => {
      await rm(path.join(directory, "Pulumi.gra.yaml"));
      await cp(path.join(checkout, "Pulumi.witness.yaml"), path.join(directory, "Pulumi.witness.yaml"));
      const bare = Object.entries(environment).filter(([name]) => !/^(OVH|PULUMI|ES_FAILOVER)_/.test(name));
      const { statuses, output } = await run(false, Object.fromEntries(bare));
      expect(statuses, output).toEqual({ "Preview without credentials": 0, "Show the summary": 0 });
      expect(output).toMatch(/^witness: \d+ created$/m);
      expect(output).toMatch(/^ {2}policies: all kept/m);
    });
  },
);
