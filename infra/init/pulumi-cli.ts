import { spawn } from "node:child_process";
import { z } from "zod";
import { messageOf } from "../../watchdog/util/errors.ts";

/** The Pulumi CLI as initialisation uses it. Secrets pass through its standard input and output only. */
export interface PulumiCli {
  /** @throws Error with the remedy, unless the CLI is installed and logged in to a backend */
  requireLogin(): Promise<void>;
  /** Names of the project's stacks. */
  stacks(): Promise<readonly string[]>;
  createStack(name: string): Promise<void>;
  /** Values of a stack's configuration by `<namespace>:<key>`, secrets in plain text. */
  config(stack: string): Promise<Readonly<Record<string, string>>>;
  /** Sets one value, encrypted. */
  setSecret(stack: string, key: string, value: string): Promise<void>;
  /** Sets one value that is no secret. */
  set(stack: string, key: string, value: string): Promise<void>;
  /** Removes a key; one that is not there is no error. */
  remove(stack: string, key: string): Promise<void>;
}

const stackList = z.array(z.object({ name: z.string() }));
const configValues = z.record(z.string(), z.object({ value: z.string().optional() }));

/** The CLI on PATH, run in a project's directory. `environment` selects its backend and settings. */
export function pulumiCli(projectDirectory: string, environment: NodeJS.ProcessEnv = process.env): PulumiCli {
  const pulumi = (args: readonly string[], input = "") => run(projectDirectory, environment, args, input);
  return {
    async requireLogin() {
      await pulumi(["version"]);
      await pulumi(["whoami", "--non-interactive"]).catch((error: unknown) => {
        throw new Error(
          "Pulumi is not logged in to a backend. Run `pulumi login` (Pulumi Cloud) or `pulumi login s3://…` (a backend of your own), " +
            `or set PULUMI_BACKEND_URL. ${messageOf(error)}`,
        );
      });
    },
    async stacks() {
      const rows = stackList.parse(JSON.parse(await pulumi(["stack", "ls", "--json", "--non-interactive"])));
      // Pulumi Cloud prefixes a stack of another organisation with the organisation's name.
      return rows.map(({ name }) => name.split("/").at(-1) ?? name);
    },
    async createStack(name) {
      await pulumi(["stack", "init", name, "--no-select", "--non-interactive"]);
    },
    async config(stack) {
      const text = await pulumi(["config", "--json", "--show-secrets", "--stack", stack, "--non-interactive"]);
      return Object.fromEntries(
        Object.entries(configValues.parse(JSON.parse(text))).map(([key, { value }]) => [key, value ?? ""]),
      );
    },
    async setSecret(stack, key, value) {
      await pulumi(["config", "set", key, "--secret", "--stack", stack, "--non-interactive"], value);
    },
    async set(stack, key, value) {
      await pulumi(["config", "set", key, value, "--stack", stack, "--non-interactive"]);
    },
    async remove(stack, key) {
      await pulumi(["config", "rm", key, "--stack", stack, "--non-interactive"]);
    },
  };
}

function run(cwd: string, env: NodeJS.ProcessEnv, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("pulumi", args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "ENOENT"
          ? new Error("`pulumi` is not on the PATH. Install the CLI: https://www.pulumi.com/docs/install/")
          : error,
      );
    });
    child.on("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`\`pulumi ${args.slice(0, 2).join(" ")}\` failed: ${stderr.trim()}`));
    });
    // A child that ends without reading closes the pipe; its exit status and stderr tell the reason.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
