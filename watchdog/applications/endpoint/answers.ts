import { type EndpointState, hostPort } from "../../core/endpoint-state.ts";
import { env } from "../formats/env.ts";
import { ini } from "../formats/ini.ts";

/** Representations of an endpoint. */
export const answerFormats = ["json", "plain", "ini", "env"] as const;
export type AnswerFormat = (typeof answerFormats)[number];

export interface Answer {
  /** 200 while a region serves, else 503. */
  readonly status: 200 | 503;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Buffer;
  readonly etag: string;
}

/** How soon to ask again while no region serves. In seconds, like `Retry-After`. */
const RETRY_AFTER_S = 1;

/** All representations of a state, rendered once per change: polls are answered from memory. */
export function renderAnswers(state: EndpointState): Readonly<Record<AnswerFormat, Answer>> {
  const answer = (format: AnswerFormat, contentType: string, text: string): Answer => {
    const body = Buffer.from(text);
    const etag = `"${tagOf(state)}-${format}"`;
    const status = state.phase === "serving" ? 200 : 503;
    return {
      status,
      body,
      etag,
      headers: {
        "content-type": contentType,
        "content-length": body.length,
        etag,
        // A cache must revalidate its answer before each use; the tag makes that cheap.
        "cache-control": "no-cache",
        vary: "accept",
        ...(status === 503 ? { "retry-after": RETRY_AFTER_S } : {}),
      },
    };
  };
  return {
    json: answer("json", "application/json", `${JSON.stringify(jsonOf(state))}\n`),
    plain: answer("plain", "text/plain; charset=utf-8", state.phase === "serving" ? `${hostPort(state)}\n` : ""),
    ini: answer("ini", "text/plain; charset=utf-8", iniOf(state)),
    env: answer("env", "text/plain; charset=utf-8", envOf(state)),
  };
}

function tagOf(state: EndpointState): string {
  const { epoch, phase } = state;
  return phase === "serving" ? `${epoch}-${phase}-${state.region}-${hostPort(state)}` : `${epoch}-${phase}`;
}

/** The fields in a fixed order, because the text is compared. */
export function jsonOf(state: EndpointState): object {
  const { epoch, phase } = state;
  return phase === "serving"
    ? { epoch, phase, region: state.region, host: state.host, port: state.port }
    : { epoch, phase };
}

function iniOf(state: EndpointState): string {
  return state.phase === "serving"
    ? ini.render("", state).text
    : `[Elasticsearch]\nPhase = ${state.phase}\nEpoch = ${state.epoch}\n`;
}

function envOf(state: EndpointState): string {
  return state.phase === "serving"
    ? env.render("", state).text
    : `ELASTICSEARCH_PHASE=${state.phase}\nELASTICSEARCH_EPOCH=${state.epoch}\n`;
}
