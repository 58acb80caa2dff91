import type { Live } from "../../util/live.ts";
import { type Attempt, attempt, requireLeader } from "./attempt.ts";
import { EtcdError, summarise } from "./errors.ts";
import type { Members } from "./members.ts";
import type { Transport } from "./transport.ts";
import { authenticateAnswer } from "./wire.ts";

/** User of etcd's own authentication. */
export interface EtcdCredentials {
  readonly username: string;
  readonly password: string;
  /** Tried where the password is refused: while it is rotated, either may be valid. */
  readonly others?: readonly string[];
}

/** The token that etcd's authentication issues, requested when first needed and replaced when a member refuses it. */
export class AuthenticationToken {
  readonly #credentials: Live<EtcdCredentials> | null;
  readonly #members: Members;
  readonly #transport: Transport;
  #token: Promise<string> | null = null;

  constructor(credentials: Live<EtcdCredentials> | null, members: Members, transport: Transport) {
    this.#credentials = credentials;
    this.#members = members;
    this.#transport = transport;
  }

  /**
   * The token to send; null without credentials. Concurrent calls share one authentication.
   *
   * @param deadlineMs bound on the authentication, by the monotonic clock
   * @throws EtcdError
   */
  async current(deadlineMs: number): Promise<string | null> {
    if (this.#credentials === null) return null;
    this.#token ??= this.#authenticate(deadlineMs, this.#credentials.current).catch((error) => {
      this.#token = null;
      throw error;
    });
    return this.#token;
  }

  /** Replaces a token that `endpoint` refused, unless another call has replaced it already. */
  async replace(refused: string | null, deadlineMs: number, endpoint: string): Promise<Attempt<string | null>> {
    const current = await this.#token?.catch(() => null);
    if (current === refused) this.#token = null;
    try {
      return { answer: await this.current(deadlineMs) };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      const certain = { mayHaveTakenEffect: false, anotherMemberMayAnswer: false, staleToken: false };
      return { failure: { endpoint, kind: error.kind, reason: error.message, ...certain } };
    }
  }

  async #authenticate(deadlineMs: number, { username, password, others = [] }: EtcdCredentials): Promise<string> {
    const failures: EtcdError[] = [];
    for (const one of [password, ...others]) {
      const answer = await this.#authenticateBy(deadlineMs, username, one);
      if (!(answer instanceof EtcdError)) return answer;
      failures.push(answer);
      if (answer.kind !== "unauthorized") break;
    }
    throw failures[0] ?? new Error(`no password of ${username}`);
  }

  async #authenticateBy(deadlineMs: number, username: string, password: string): Promise<string | EtcdError> {
    const call = { path: "auth/authenticate", body: { name: username, password }, answer: authenticateAnswer };
    const outcome = await this.#members.ask({
      effect: "read",
      deadlineMs,
      ask: (endpoint, bounds) => attempt(this.#transport, endpoint, call, bounds(), requireLeader),
    });
    return "answer" in outcome
      ? outcome.answer.token
      : summarise(`authentication as ${username}`, outcome.failures, true);
  }
}
