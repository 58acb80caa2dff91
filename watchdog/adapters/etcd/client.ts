import type { z } from "zod";
import type { Clock } from "../../util/clock.ts";
import { type AttemptFailure, classifyRefusal, EtcdError, summarise } from "./errors.ts";
import { type Attempt, type Effect, Members } from "./members.ts";
import { type Bounds, type EtcdTls, httpsTransport, type Transport, TransportFailure } from "./transport.ts";
import {
  authenticateAnswer,
  type Compare,
  emptyAnswer,
  encodeCompare,
  encodeOperation,
  isRead,
  type KeyValue,
  type LeaseId,
  leaseGrantAnswer,
  leaseKeepAliveAnswer,
  leaseTimeToLiveAnswer,
  type Operation,
  prefixEnd,
  type Revision,
  rangeAnswer,
  refusalAnswer,
  statusAnswer,
  toBase64,
  txnAnswer,
} from "./wire.ts";

export interface EtcdClientOptions {
  /** Client addresses of the members (`https://192.168.1.11:2379`); the nearest one first. */
  readonly endpoints: readonly string[];
  readonly tls: EtcdTls;
  /** User of etcd's own authentication. A certificate's name is no login: the gateway ignores it. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /**
   * After so long without an answer the next member is asked as well (a "hedged request"), and whoever answers first is
   * believed; a change that may not be sent twice goes to the next member only when there was not even a connection by
   * then. Default 1000 ms: ten round trips over an ocean.
   */
  readonly hedgeAfterMs?: number;
  /** Bound on a call over all members that it is tried at, authentication included. Default 3000 ms. */
  readonly deadlineMs?: number;
  readonly clock: Clock;
  /** Replaced in tests alone. */
  readonly transport?: Transport;
}

export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
  /**
   * True when the compares keep a second run from doing harm and the `failure` branch shows the caller whether a first
   * run, whose answer was lost, took effect. Only then is a transaction that writes tried at another member.
   */
  readonly guarded?: boolean;
}

export interface TransactionAnswer {
  readonly succeeded: boolean;
  /** The store's revision after it: the modification revision of every key it wrote. */
  readonly revision: Revision;
  /** What each operation of the branch that ran has read; empty for those that write. */
  readonly read: readonly (readonly KeyValue[])[];
  /** The same for those that count; 0 for all others. */
  readonly counts: readonly number[];
}

export interface MemberStatus {
  readonly endpoint: string;
  readonly version: string;
  readonly hasLeader: boolean;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly databaseBytes: number;
  readonly errors: readonly string[];
}

const defaultHedgeAfterMs = 1_000;
const defaultDeadlineMs = 3_000;

/**
 * A thin client of etcd 3.5's JSON gateway. Reads are linearizable. Any member may answer a call; none is repeated when it
 * may have changed something, unless a repetition is harmless.
 */
export class EtcdClient {
  readonly #members: Members;
  readonly #transport: Transport;
  readonly #credentials: EtcdClientOptions["credentials"];
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  #token: Promise<string> | null = null;

  constructor(options: EtcdClientOptions) {
    if (options.endpoints.length === 0) throw new Error("etcd: no endpoint is configured");
    for (const endpoint of options.endpoints) {
      if (new URL(endpoint).protocol !== "https:") throw new Error(`etcd: ${endpoint} is not an https address`);
    }
    const endpoints = options.endpoints.map((endpoint) => new URL(endpoint).origin);
    this.#members = new Members(endpoints, options.hedgeAfterMs ?? defaultHedgeAfterMs, options.clock);
    this.#transport = options.transport ?? httpsTransport(options.tls);
    this.#credentials = options.credentials;
    this.#deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
    this.#clock = options.clock;
  }

  /** Closes idle connections; calls under way fail. */
  close(): void {
    this.#transport.close();
  }

  async get(key: string): Promise<KeyValue | null> {
    const answer = await this.call(`read of ${key}`, "kv/range", { key: toBase64(key) }, rangeAnswer, "read");
    return answer.kvs[0] ?? null;
  }

  /** All keys with the prefix, in the order of their bytes; with `limit` the last ones, latest first. */
  async list(prefix: string, last?: { readonly limit: number }): Promise<readonly KeyValue[]> {
    const order = last === undefined ? {} : { limit: String(last.limit), sort_order: "DESCEND", sort_target: "KEY" };
    const body = { key: toBase64(prefix), range_end: prefixEnd(prefix), ...order };
    return (await this.call(`list of ${prefix}`, "kv/range", body, rangeAnswer, "read")).kvs;
  }

  /** All compares hold: the `success` operations, else the `failure` operations, in one step. */
  async transact(what: string, { compare, success, failure, guarded }: Transaction): Promise<TransactionAnswer> {
    const body = {
      compare: compare.map(encodeCompare),
      success: success.map(encodeOperation),
      failure: failure.map(encodeOperation),
    };
    const effect = [...success, ...failure].every(isRead) ? "read" : guarded === true ? "repeatable" : "once";
    const answer = await this.call(what, "kv/txn", body, txnAnswer, effect);
    const read = answer.responses.map(({ kvs }) => kvs);
    const counts = answer.responses.map(({ count }) => count);
    return { succeeded: answer.succeeded, revision: answer.header.revision, read, counts };
  }

  /**
   * A new lease of at least `ttlSeconds`: etcd raises it to 1.5 times its election timeout when that is longer. A grant
   * whose answer was lost leaves a lease that holds no key and runs out by itself, so it is repeatable.
   */
  async grantLease(ttlSeconds: number): Promise<{ readonly id: LeaseId; readonly ttlSeconds: number }> {
    const body = { TTL: String(ttlSeconds) };
    const answer = await this.call("lease grant", "lease/grant", body, leaseGrantAnswer, "repeatable");
    if (answer.error !== "") throw new EtcdError("rejected", `etcd: lease grant failed: ${answer.error}`);
    return { id: answer.ID, ttlSeconds: answer.TTL };
  }

  /** Starts the lease's time anew and returns it in seconds; null when the lease has run out. */
  async keepLeaseAlive(id: LeaseId): Promise<number | null> {
    const { result } = await this.call(
      "lease keep-alive",
      "lease/keepalive",
      { ID: id },
      leaseKeepAliveAnswer,
      "repeatable",
    );
    return result.TTL > 0 ? result.TTL : null;
  }

  /** Ends a lease and deletes its keys. A lease that is gone already is no error. */
  async revokeLease(id: LeaseId): Promise<void> {
    try {
      await this.call("lease revoke", "lease/revoke", { ID: id }, emptyAnswer, "repeatable");
    } catch (error) {
      if (error instanceof EtcdError && error.message.includes("requested lease not found")) return;
      throw error;
    }
  }

  /** Seconds until a lease runs out unless it is renewed; 0 when it has. */
  async leaseRemainingSeconds(id: LeaseId): Promise<number> {
    const answer = await this.call("lease time-to-live", "lease/timetolive", { ID: id }, leaseTimeToLiveAnswer, "read");
    return Math.max(0, answer.TTL);
  }

  /** Asks every member how it is, all at once. A member that does not answer is reported as the error. */
  async statuses(): Promise<readonly (MemberStatus | EtcdError)[]> {
    return Promise.all(
      this.#members.endpoints.map(async (endpoint) => {
        const bounds = { connectionMs: this.#deadlineMs, answerMs: this.#deadlineMs };
        const found = await this.#attempt(endpoint, "maintenance/status", {}, statusAnswer, bounds, {});
        if ("failure" in found) return summarise("status", [found.failure], true);
        const { header, version, leader, dbSize, isLearner, errors } = found.answer;
        const isLeader = leader === header.member_id;
        return { endpoint, version, hasLeader: leader !== "0", isLeader, isLearner, databaseBytes: dbSize, errors };
      }),
    );
  }

  /**
   * Any call of the gateway: `POST /v3/<path>`. `what` names it in errors.
   *
   * @throws EtcdError
   */
  async call<Schema extends z.ZodType>(
    what: string,
    path: string,
    body: object,
    schema: Schema,
    effect: Effect,
  ): Promise<z.output<Schema>> {
    const deadlineMs = this.#clock.monotonicMs() + this.#deadlineMs;
    let token = await this.#currentToken(deadlineMs);
    const ask = async (endpoint: string, bounds: () => Bounds): Promise<Attempt<z.output<Schema>>> => {
      const attempt = () => {
        const headers = { ...requireLeader, ...(token === null ? {} : { authorization: token }) };
        return this.#attempt(endpoint, path, body, schema, bounds(), headers);
      };
      const found = await attempt();
      if ("answer" in found || !found.failure.staleToken || this.#credentials === null) return found;
      // Refused before anything was done: members forget tokens in a restart, and drop them after five idle minutes.
      const renewed = await this.#newToken(token, deadlineMs, endpoint);
      if ("failure" in renewed) return renewed;
      token = renewed.answer;
      return attempt();
    };
    const outcome = await this.#members.ask({ effect, deadlineMs, ask });
    if ("answer" in outcome) return outcome.answer;
    throw summarise(what, outcome.failures, effect === "read");
  }

  async #attempt<Schema extends z.ZodType>(
    endpoint: string,
    path: string,
    body: object,
    schema: Schema,
    bounds: Bounds,
    headers: Readonly<Record<string, string>>,
  ): Promise<Attempt<z.output<Schema>>> {
    try {
      const url = new URL(`/v3/${path}`, endpoint);
      const { status, body: text } = await this.#transport.post(url, JSON.stringify(body), headers, bounds);
      return readAnswer(endpoint, status, text, schema);
    } catch (error) {
      if (!(error instanceof TransportFailure)) throw error;
      return { failure: transportFailure(endpoint, error) };
    }
  }

  /** The token to send; null without credentials. Calls that find none share one authentication. */
  async #currentToken(deadlineMs: number): Promise<string | null> {
    if (this.#credentials === null) return null;
    this.#token ??= this.#authenticate(deadlineMs, this.#credentials).catch((error) => {
      this.#token = null;
      throw error;
    });
    return this.#token;
  }

  /** Replaces a token that a member refused, unless another call has done so already. */
  async #newToken(refused: string | null, deadlineMs: number, endpoint: string): Promise<Attempt<string | null>> {
    const current = await this.#token?.catch(() => null);
    if (current === refused) this.#token = null;
    try {
      return { answer: await this.#currentToken(deadlineMs) };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      const certain = { mayHaveTakenEffect: false, anotherMemberMayAnswer: false, staleToken: false };
      return { failure: { endpoint, kind: error.kind, reason: error.message, ...certain } };
    }
  }

  async #authenticate(deadlineMs: number, credentials: NonNullable<EtcdClientOptions["credentials"]>): Promise<string> {
    const { username, password } = credentials;
    const body = { name: username, password };
    const outcome = await this.#members.ask({
      effect: "read",
      deadlineMs,
      ask: (endpoint, bounds) =>
        this.#attempt(endpoint, "auth/authenticate", body, authenticateAnswer, bounds(), requireLeader),
    });
    if ("answer" in outcome) return outcome.answer.token;
    throw summarise(`authentication as ${username}`, outcome.failures, true);
  }
}

/**
 * Makes a member without a leader refuse at once instead of waiting: `hasleader` is the metadata that etcd's own client
 * sends for it, and the gateway passes headers with this prefix on.
 */
const requireLeader = { "grpc-metadata-hasleader": "true" };

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
  // Neither an answer nor a refusal that etcd gives: something else may have spoken, before or after the work was done.
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

/** With authentication on, etcd's gateway refuses such certificates before it looks at anything else. */
const commonNameReason =
  "the client certificate has a CommonName, which etcd's gateway refuses: issue one whose subject has only an O (organisation)";

/** undefined when the text is no JSON. A stream's answer ends in a newline, which JSON allows. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
