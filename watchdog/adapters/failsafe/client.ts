import { type Agent, request } from "node:https";
import { type FailsafeAnswer, type FailsafeQuestion, failsafeAnswerSchema, type Peers } from "../../core/failsafe.ts";
import { reasonOf } from "../../util/files.ts";
import { type Live, liveOf } from "../../util/live.ts";
import { RenewableAgent } from "../../util/renewable-agent.ts";
import type { FailsafeTls } from "./tls.ts";

/** Bound on an answer, which names the watchdogs. */
const MAX_ANSWER_BYTES = 64 * 1_024;

/**
 * A request without an answer is aborted only after this many timeouts: on a line that loses packets its connection is
 * still good, and building a new one would cost the next request more.
 */
const LINGER = 3;

export interface FailsafePeers extends Peers {
  close(): void;
}

/** Asks the other watchdogs over connections that are kept open. `timeoutMs` bounds each request, handshake included. */
export function failsafePeers(tls: FailsafeTls | Live<FailsafeTls>, timeoutMs: number): FailsafePeers {
  const agent = new RenewableAgent(liveOf(tls), { maxSockets: 4 });
  return {
    ask: (failsafeUrl, question) => ask(agent.current, new URL("/failsafe", failsafeUrl), question, timeoutMs),
    close: () => agent.destroy(),
  };
}

function ask(agent: Agent, url: URL, question: FailsafeQuestion, timeoutMs: number): Promise<FailsafeAnswer> {
  const body = JSON.stringify(question);
  return new Promise((resolve, reject) => {
    const failed = (reason: string) => {
      clearTimeout(timer);
      reject(new Error(`${url.host}: ${reason}`));
    };
    const timer = setTimeout(() => failed(`no answer within ${timeoutMs} ms`), timeoutMs);
    const outgoing = request(
      url,
      {
        agent,
        method: "POST",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(LINGER * timeoutMs),
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER_BYTES) incoming.destroy(new Error("the answer is too long"));
        });
        incoming.on("error", (error) => failed(reasonOf(error)));
        incoming.on("end", () => {
          if (incoming.statusCode !== 200) return failed(`answered ${incoming.statusCode}: ${text.trim()}`);
          try {
            resolve(failsafeAnswerSchema.parse(JSON.parse(text)));
            clearTimeout(timer);
          } catch (error) {
            failed(`answered in a form that this version cannot read: ${reasonOf(error)}`);
          }
        });
      },
    );
    outgoing.on("error", (error) => failed(reasonOf(error)));
    outgoing.end(body);
  });
}
