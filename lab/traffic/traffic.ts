import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Ledger } from "./ledger.ts";
import { type TrafficEvent, type TrafficOrder, type TrafficSettings, trafficEventSchema } from "./protocol.ts";

const program = fileURLToPath(new URL("./process.ts", import.meta.url));

/** Writers and a reader in their own process, and the ledger of their requests. */
export class Traffic {
  readonly ledger = new Ledger();
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(event: TrafficEvent) => void>();
  #exit: string | null = null;

  /**
   * Starts the traffic.
   * @param wrap turns a command into one that can reach the entries, such as in the lab's controller namespace
   */
  constructor(settings: TrafficSettings, wrap: (argv: readonly string[]) => readonly string[] = (argv) => argv) {
    const [command, ...args] = wrap([process.execPath, program]);
    if (command === undefined) throw new Error("wrap returned no command");
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.on("exit", (code, signal) => {
      this.#exit = `the traffic process ended with ${signal ?? `exit status ${code}`}`;
    });
    const { stdin, stdout } = this.#child;
    if (stdin === null || stdout === null) throw new Error("unreachable: the traffic process has pipes");
    stdin.write(`${JSON.stringify(settings)}\n`);
    createInterface({ input: stdout }).on("line", (line) => this.#receive(trafficEventSchema.parse(JSON.parse(line))));
  }

  on(listener: (event: TrafficEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Waits for a matching event of a kind. @throws Error after `timeoutMs`, or when the process ends */
  next<Kind extends TrafficEvent["event"]>(
    kind: Kind,
    timeoutMs: number,
    matches: (event: Extract<TrafficEvent, { event: Kind }>) => boolean = () => true,
  ): Promise<Extract<TrafficEvent, { event: Kind }>> {
    type Wanted = Extract<TrafficEvent, { event: Kind }>;
    const isWanted = (event: TrafficEvent): event is Wanted => event.event === kind;
    return new Promise<Wanted>((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(listen);
        this.#child.off("exit", onExit);
        settle();
      };
      const listen = (event: TrafficEvent) => {
        if (isWanted(event) && matches(event)) end(() => resolve(event));
      };
      const onExit = () => end(() => reject(new Error(this.#exit ?? "the traffic process ended")));
      const timer = setTimeout(() => {
        const failure = this.ledger.lastFailure === null ? "" : `; the last failed request: ${this.ledger.lastFailure}`;
        end(() => reject(new Error(`no ${kind} from the traffic within ${timeoutMs} ms${failure}`)));
      }, timeoutMs);
      if (this.#exit !== null) onExit();
      this.#child.on("exit", onExit);
      this.#listeners.add(listen);
    });
  }

  /** Ends the load; returns when no request is in flight. */
  async stop(): Promise<void> {
    const stopped = this.next("stopped", 30_000);
    this.#order({ order: "stop" });
    await stopped;
  }

  /** Reads every acknowledged write back through the entries. Does not end the load. */
  async verify(): Promise<{ readonly found: number; readonly missing: readonly string[] }> {
    const verified = this.next("verified", 120_000);
    this.#order({ order: "verify" });
    return await verified;
  }

  /** Ends the process. */
  async close(): Promise<void> {
    if (this.#exit !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await ended;
  }

  #order(order: TrafficOrder): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  #receive(event: TrafficEvent): void {
    this.ledger.add(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}
