import type { z } from "zod";
import { type AttemptFailure, classifyRefusal } from "./errors.ts";
import { type Bounds, type Transport, TransportFailure } from "./transport.ts";
import { refusalAnswer } from "./wire.ts";

/** The result of one request to one member. */
export type Attempt<Answer> = { readonly answer: Answer } | { readonly failure: AttemptFailure };

/** A call of the JSON gateway: `POST /v3/<path>`. */
export interface GatewayCall<Schema extends z.ZodType> {
  readonly path: string;
  readonly body: object;
  readonly answer: Schema;
}

/**
 * Makes a member without a leader refuse at once instead of waiting: `hasleader` is the metadata that etcd's own client
 * sends for it, and the gateway passes headers with this prefix on.
 */
export const requireLeader = { "grpc-metadata-hasleader": "true" };

/** Sends a call to one member, once. */
export async function attempt<Schema extends z.ZodType>(
  transport: Transport,
  endpoint: string,
  call: GatewayCall<Schema>,
  bounds: Bounds,
  headers: Readonly<Record<string, string>>,
): Promise<Attempt<z.output<Schema>>> {
  try {
    const url = new URL(`/v3/${call.path}`, endpoint);
    const { status, body } = await transport.post(url, JSON.stringify(call.body), headers, bounds);
    return readAnswer(endpoint, status, body, call.answer);
  } catch (error) {
    if (!(error instanceof TransportFailure)) throw error;
    return { failure: transportFailure(endpoint, error) };
  }
}

function transportFailure(endpoint: string, { sent, certificateRefused, message }: TransportFailure): AttemptFailure {
  return {
    endpoint,
    kind: certificateRefused ? "unauthorized" : sent ? "timeout" : "unreachable",
    reason: certificateRefused ? `the member refused this watchdog's certificate: ${message}` : message,
    mayHaveTakenEffect: sent,
    anotherMemberMayAnswer: true,
    staleToken: false,
  };
}

function readAnswer<Schema extends z.ZodType>(
  endpoint: string,
  status: number,
  text: string,
  schema: Schema,
): Attempt<z.output<Schema>> {
  const json = parseJson(text);
  const refusal = refusalAnswer.safeParse(json);
  if (refusal.success) return { failure: classifyRefusal(endpoint, refusal.data.code, refusal.data.message) };
  const parsed = schema.safeParse(json);
  if (status === 200 && parsed.success) return { answer: parsed.data };
  if (text.startsWith("CommonName of client")) return { failure: classifyRefusal(endpoint, 16, commonNameReason) };
  // Neither an answer nor a refusal of etcd: something in between may have answered, before or after etcd acted.
  const field = parsed.error?.issues[0]?.path.join(".") ?? "";
  return {
    failure: {
      endpoint,
      kind: "rejected",
      reason: `HTTP ${status} with an answer that is not etcd's${field === "" ? "" : ` (field ${field})`}`,
      mayHaveTakenEffect: true,
      anotherMemberMayAnswer: true,
      staleToken: false,
    },
  };
}

/** With authentication on, etcd's gateway refuses such certificates before it reads anything else. */
const commonNameReason =
  "the client certificate has a CommonName, which etcd's gateway refuses: issue one whose subject has only an O (organisation)";

/** undefined when the text is not JSON. A stream's answer ends in a newline, which JSON allows. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
