import { execFile } from "node:child_process";
import { expect } from "vitest";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, and fails when a message has a stack trace. */
export function runProgram(file: string, args: readonly string[]): Promise<Ended> {
  const options = { env: { ...process.env, SUDO_USER: "ada" }, maxBuffer: 16 * 1024 ** 2 };
  return new Promise((resolve) => {
    execFile(file, [...args], options, (error, out, err) => {
      expect(err).not.toMatch(/^\s+at .*\(/m);
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}
