import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Region } from "../../../lab/system/configuration.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";

export const heldSettingsSchema = z.strictObject({
  entry: z.url(),
  ca: z.string(),
  authorization: z.string(),
  index: z.string(),
  connections: z.number().int().min(1),
});

const heldAnswerSchema = z.strictObject({
  status: z.number(),
  /** The region that served it by HAProxy's response header; null when none did. */
  region: z.string().nullable(),
  /** Whether it used the connection that was already open. */
  reused: z.boolean(),
});
export type HeldAnswer = z.infer<typeof heldAnswerSchema>;

const heldEventSchema = z.strictObject({
  event: z.enum(["open", "sent", "answered"]),
  answers: z.array(heldAnswerSchema),
});
export type HeldEvent = z.infer<typeof heldEventSchema>;

/** Open connections to the entry in a separate process, which all send one write at the same moment. */
export class HeldRequests {
  readonly #child: ChildProcess;
  readonly #events: AsyncIterator<string>;

  private constructor(child: ChildProcess, events: AsyncIterator<string>) {
    this.#child = child;
    this.#events = events;
  }

  /** Opens connections to the entry of a region; each has got an answer of the active region. */
  static async open(system: TwoRegions, index: string, connections: number, at: Region = "bhs"): Promise<HeldRequests> {
    const { url, ca, username, password } = await system.entry(at);
    const program = fileURLToPath(new URL("./held-requests-process.ts", import.meta.url));
    const [command = "", ...args] = system.lab.controllerCommand([process.execPath, program]);
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    const held = new HeldRequests(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    const authorization = `Basic ${btoa(`${username}:${password}`)}`;
    child.stdin.write(`${JSON.stringify({ entry: url, ca, authorization, index, connections })}\n`);
    await held.#next("open");
    return held;
  }

  /** Sends the writes; returns once the kernel has them. */
  async send(): Promise<void> {
    this.#child.stdin?.write("send\n");
    await this.#next("sent");
  }

  /** The answers, once every connection has one. */
  answers(): Promise<readonly HeldAnswer[]> {
    return this.#next("answered");
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill();
    await ended;
  }

  async #next(kind: HeldEvent["event"]): Promise<readonly HeldAnswer[]> {
    const { value, done } = await this.#events.next();
    if (done === true) throw new Error(`the process with the open connections ended before it was "${kind}"`);
    const { event, answers } = heldEventSchema.parse(JSON.parse(value));
    if (event !== kind) throw new Error(`the open connections report "${event}" instead of "${kind}"`);
    return answers;
  }
}
