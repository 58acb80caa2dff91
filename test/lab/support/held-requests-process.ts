/**
 * Open connections to the entry, each of which sends a write on demand and reports whether it was served and by which
 * region. Standard input has the settings in its first line and the demand in the second.
 */
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import process from "node:process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { type HeldAnswer, type HeldEvent, heldSettingsSchema } from "./held-requests.ts";

function report(event: HeldEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = heldSettingsSchema.parse(JSON.parse(String((await lines.next()).value)));

/** An agent with a single connection. */
function connection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1, ca: settings.ca });
}

interface Pending {
  /** Settles when the kernel has the whole request. */
  readonly sent: Promise<void>;
  readonly answer: Promise<HeldAnswer>;
}

function send(agent: Agent, method: string, path: string, body?: string): Pending {
  const headers = { "content-type": "application/json", authorization: settings.authorization };
  const outgoing = request(new URL(path, settings.entry), { agent, method, headers });
  const sent = new Promise<void>((resolve) => outgoing.once("finish", resolve));
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  }).then(async (response) => {
    await text(response);
    const region = response.headers["es-failover-region"];
    return {
      status: response.statusCode ?? 0,
      region: typeof region === "string" ? region : null,
      reused: outgoing.reusedSocket,
    };
  });
  outgoing.end(body);
  return { sent, answer };
}

const answersOf = (pending: readonly Pending[]) => Promise.all(pending.map(({ answer }) => answer));

const agents = Array.from({ length: settings.connections }, connection);
report({ event: "open", answers: await answersOf(agents.map((agent) => send(agent, "GET", "/"))) });
await lines.next();
const writes = agents.map((agent, n) => send(agent, "PUT", `/${settings.index}/_create/held-${n}`, "{}"));
await Promise.all(writes.map(({ sent }) => sent));
report({ event: "sent", answers: [] });
report({ event: "answered", answers: await answersOf(writes) });
for (const agent of agents) agent.destroy();
