import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment of the command; that of this process by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** Written to its standard input, which is then closed. The way in for secrets: arguments are visible to everybody. */
  readonly input?: string;
}

/** Runs a command to its end and returns its standard output. Fails with what it wrote when its exit status is not 0. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env });
    const output: Buffer[] = [];
    const everything: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      output.push(chunk);
      everything.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => everything.push(chunk));
    child.on("error", (error) => reject(new Error(`cannot run ${command}: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(output).toString());
      const said = Buffer.concat(everything).toString().trim().split("\n").slice(-30).join("\n");
      const end = signal === null ? `exit status ${code}` : `signal ${signal}`;
      reject(new Error(`${command} ${args.join(" ")} ended with ${end}${said === "" ? "" : `:\n${said}`}`));
    });
    // A command that ends without reading its input is judged by its exit status.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}
