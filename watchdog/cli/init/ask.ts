import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { NoTerminal } from "../operator.ts";

/** How questions are asked: on the terminal, or by a test. */
export interface Ask {
  /** The answer without spaces around it; the default for an empty one. */
  text(question: string, byDefault?: string): Promise<string>;
  /** Shows nothing of what is typed. */
  secret(question: string): Promise<string>;
}

export const terminal: Ask = {
  text: async (question, byDefault) => {
    const answer = (await onTerminal(`${question}${byDefault === undefined ? "" : ` [${byDefault}]`}: `, false)).trim();
    return answer === "" && byDefault !== undefined ? byDefault : answer;
  },
  secret: (question) => onTerminal(`${question}: `, true),
};

async function onTerminal(question: string, isSecret: boolean): Promise<string> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new NoTerminal(
      `there is no terminal to ask on (${question.trim()}): write the answers, and files with passwords, for init --from`,
    );
  }
  // readline echoes what is typed: for a secret the echo goes nowhere.
  const echo = isSecret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
  if (isSecret) process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, output: echo, terminal: true });
  try {
    return await lines.question(isSecret ? "" : question);
  } finally {
    lines.close();
    if (isSecret) process.stderr.write("\n");
  }
}
