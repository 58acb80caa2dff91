import path from "node:path";
import { stacksWithFile } from "../config/project-files.ts";
import { type PulumiCli, pulumiCli } from "./pulumi-cli.ts";

/** Options of every command about the secrets of all stacks, for `parseArgs`. */
export const projectOptions = {
  stack: { type: "string", multiple: true },
  "project-directory": { type: "string", default: path.resolve(import.meta.dirname, "..", "..") },
  help: { type: "boolean", default: false },
} as const;

export const projectUsage = `  --stack              a stack; by default each that has a Pulumi.<stack>.yaml
  --project-directory  directory of Pulumi.yaml; by default this checkout`;

export interface Project {
  readonly stacks: readonly string[];
  readonly pulumi: PulumiCli;
  /** Prints one line of progress. Never a secret. */
  readonly say: (line: string) => void;
}

/** @throws Error with what to do when no stack is named or found */
export function projectOf(values: {
  readonly stack?: readonly string[] | undefined;
  readonly "project-directory": string;
}): Project {
  const directory = path.resolve(values["project-directory"]);
  const stacks = values.stack ?? stacksWithFile(directory);
  if (stacks.length === 0) throw new Error(`${directory} has no Pulumi.<stack>.yaml: name the stacks with --stack`);
  return { stacks, pulumi: pulumiCli(directory), say: (line) => console.log(line) };
}
