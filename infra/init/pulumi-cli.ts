import { spawn } from "node:child_process";
import { messageOf } from "../../watchdog/util/errors.ts";

/** The few things that initialising asks of the Pulumi CLI. Secrets travel by its standard input and output only. */
export interface PulumiCli {
  /** Fails, with what to do, unless the CLI is there and logged in to a backend. */
  requireLogin(): Promise<void>;
  /** Names of the project's stacks. */
  stacks(): Promise<readonly string[]>;
  createStack(name: string): Promise<void>;
  /** Values of a stack's configuration by `<namespace>:<key>`, secrets in the clear. */
  config(stack: string): Promise<Readonly<Record<string, string>>>;
  /** Sets one value, encrypted. */
  setSecret(stack: string, key: string, value: string): Promise<void>;
}

/** A `pulumi` that ended with an error; the message is its own. */
class PulumiFailure extends Error {}

/** The CLI on PATH, run in a project's directory. `environment` says which backend and settings it uses. */
export function pulumiCli(projectDirectory: string, environment: NodeJS.ProcessEnv = process.env): PulumiCli {
  const pulumi = (args: readonly string[], input = "") => run(projectDirectory, environment, args, input);
  return {
    async requireLogin() {
      await pulumi(["version"]);
      await pulumi(["whoami", "--non-interactive"]).catch((error: unknown) => {
        throw new Error(
          "Pulumi is not logged in to a backend. Run `pulumi login` (Pulumi Cloud), `pulumi login s3://…` or alike, " +
            `or set PULUMI_BACKEND_URL. Pulumi says: ${messageOf(error)}`,
        );
      });
    },
    async stacks() {
      const rows: unknown = JSON.parse(await pulumi(["stack", "ls", "--json", "--non-interactive"]));
      // Pulumi Cloud names a stack of another organisation with its organisation in front.
      return (rows as readonly { readonly name: string }[]).map(({ name }) => name.split("/").at(-1) ?? name);
    },
    async createStack(name) {
      await pulumi(["stack", "init", name, "--no-select", "--non-interactive"]);
    },
    async config(stack) {
      const text = await pulumi(["config", "--json", "--show-secrets", "--stack", stack, "--non-interactive"]);
      const values = JSON.parse(text) as Readonly<Record<string, { readonly value?: string }>>;
      return Object.fromEntries(Object.entries(values).map(([key, { value }]) => [key, value ?? ""]));
    },
    async setSecret(stack, key, value) {
      await pulumi(["config", "set", key, "--secret", "--stack", stack, "--non-interactive"], value);
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
          ? new Error("There is no `pulumi` on the PATH. Install the CLI: https://www.pulumi.com/docs/install/")
          : error,
      );
    });
    child.on("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new PulumiFailure(`\`pulumi ${args.slice(0, 2).join(" ")}\` failed: ${stderr.trim()}`));
    });
    // A child that ends without reading closes the pipe; its exit code says what was wrong.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
