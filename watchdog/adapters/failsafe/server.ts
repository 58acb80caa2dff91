import type { IncomingMessage, ServerResponse } from "node:http";
import { type FailsafeAnswer, type FailsafeQuestion, failsafeQuestionSchema } from "../../core/failsafe.ts";
import { reasonOf } from "../../util/files.ts";
import { closeAtOnce, createServer, listenOn, textOf } from "../../util/http-server.ts";
import { type Live, liveOf } from "../../util/live.ts";
import type { FailsafeTls } from "./tls.ts";

/** Bound on a question. */
const MAX_QUESTION_BYTES = 4_096;
/** Longer than any client waits. */
const REQUEST_TIMEOUT_MS = 5_000;

export interface FailsafeServerOptions {
  /** Address and port: "192.168.1.20:9443"; port 0 takes a free one. */
  readonly listen: string;
  readonly tls: FailsafeTls | Live<FailsafeTls>;
  readonly answer: (question: FailsafeQuestion) => FailsafeAnswer;
  /** Answers what begins with `/salvage/`, over the same authenticated connections. Default: nothing does. */
  readonly salvageCopies?: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
}

export interface FailsafeServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Answers the other watchdogs: `POST /failsafe`. Clients without a certificate of the same authority fail the handshake.
 *
 * @throws Error when it cannot listen on the address
 */
export async function serveFailsafe({
  listen,
  tls,
  answer,
  salvageCopies,
}: FailsafeServerOptions): Promise<FailsafeServer> {
  const server = createServer(
    liveOf(tls),
    { requestCert: true, rejectUnauthorized: true, requestTimeout: REQUEST_TIMEOUT_MS },
    (incoming, outgoing) => {
      const reply = (status: number, body: unknown) => {
        outgoing.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
      };
      if (salvageCopies !== undefined && incoming.url?.startsWith("/salvage/")) {
        salvageCopies(incoming, outgoing);
        return;
      }
      if (incoming.method !== "POST" || incoming.url !== "/failsafe") {
        reply(404, { error: "use POST /failsafe" });
        return;
      }
      readQuestion(incoming).then(
        (question) => reply(200, answer(question)),
        (error: unknown) => reply(400, { error: reasonOf(error) }),
      );
    },
  );
  const port = await listenOn(server, listen, "failsafe");
  return { port, close: () => closeAtOnce(server) };
}

async function readQuestion(incoming: IncomingMessage): Promise<FailsafeQuestion> {
  const text = await textOf(incoming, MAX_QUESTION_BYTES);
  if (text === null) throw new Error(`the question is longer than ${MAX_QUESTION_BYTES} bytes`);
  return failsafeQuestionSchema.parse(JSON.parse(text));
}
