import type { z } from "zod";
import type { Clock } from "../../util/clock.ts";
import { type Live, liveOf } from "../../util/live.ts";
import { type Attempt, attempt, type GatewayCall, requireLeader } from "./attempt.ts";
import { type EtcdError, summarise } from "./errors.ts";
import { type Effect, Members } from "./members.ts";
import { AuthenticationToken, type EtcdCredentials } from "./token.ts";
import { type Bounds, type EtcdTls, httpsTransport, type Transport } from "./transport.ts";
import {
  type Compare,
  encodeCompare,
  encodeOperation,
  isRead,
  type KeyValue,
  type Operation,
  prefixEnd,
  type Revision,
  rangeAnswer,
  statusAnswer,
  toBase64,
  txnAnswer,
} from "./wire.ts";

export interface EtcdClientOptions {
  /** Client addresses of the members (`https://192.168.1.11:2379`); the nearest one first. */
  readonly endpoints: readonly string[];
  readonly tls: EtcdTls | Live<EtcdTls>;
  /** null while authentication is off. A certificate's name is no login: the gateway ignores it. */
  readonly credentials: EtcdCredentials | Live<EtcdCredentials> | null;
  /**
   * After this long without an answer the next member is asked as well (a "hedged request"), and the first answer counts;
   * a change that must not be sent twice goes to the next member only when there was no connection by then. Default
   * 1000 ms: ten round trips over an ocean.
   */
  readonly hedgeAfterMs?: number;
  /** Bound on a call over all members that it is tried at, authentication included. Default 3000 ms. */
  readonly deadlineMs?: number;
  readonly clock: Clock;
  /** Replaced only in tests. */
  readonly transport?: Transport;
}

/** A call that any member may answer. */
export interface EtcdCall<Schema extends z.ZodType> extends GatewayCall<Schema> {
  /** Names the call in errors. */
  readonly what: string;
  readonly effect: Effect;
}

export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
  /**
   * True when the compares keep a second run harmless and the `failure` branch shows whether a first run, whose answer
   * was lost, took effect. Only then is a transaction that writes repeated at another member.
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
  readonly databaseBytesInUse: number;
  /** Revision of the store as this member knows it. */
  readonly revision: Revision;
  readonly errors: readonly string[];
}

const defaultHedgeAfterMs = 1_000;
const defaultDeadlineMs = 3_000;

/**
 * A thin client of etcd 3.5's JSON gateway. Reads are linearizable. Any member may answer a call; a call that may have
 * changed something is repeated only when a repetition is harmless.
 */
export class EtcdClient {
  readonly #members: Members;
  readonly #transport: Transport;
  readonly #token: AuthenticationToken;
  readonly #hasCredentials: boolean;
  readonly #deadlineMs: number;
  readonly #clock: Clock;

  constructor(options: EtcdClientOptions) {
    const endpoints = originsOf(options.endpoints);
    this.#members = new Members(endpoints, options.hedgeAfterMs ?? defaultHedgeAfterMs, options.clock);
    this.#transport = options.transport ?? httpsTransport(options.tls);
    const credentials = options.credentials === null ? null : liveOf(options.credentials);
    this.#token = new AuthenticationToken(credentials, this.#members, this.#transport);
    this.#hasCredentials = credentials !== null;
    this.#deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
    this.#clock = options.clock;
  }

  /** Closes idle connections; calls under way fail. */
  close(): void {
    this.#transport.close();
  }

  async get(key: string): Promise<KeyValue | null> {
    const answer = await this.call({
      what: `read of ${key}`,
      path: "kv/range",
      body: { key: toBase64(key) },
      answer: rangeAnswer,
      effect: "read",
    });
    return answer.kvs[0] ?? null;
  }

  /** All keys with the prefix, in byte order; with `limit` the last ones, latest first. */
  async list(prefix: string, last?: { readonly limit: number }): Promise<readonly KeyValue[]> {
    const order = last === undefined ? {} : { limit: String(last.limit), sort_order: "DESCEND", sort_target: "KEY" };
    const answer = await this.call({
      what: `list of ${prefix}`,
      path: "kv/range",
      body: { key: toBase64(prefix), range_end: prefixEnd(prefix), ...order },
      answer: rangeAnswer,
      effect: "read",
    });
    return answer.kvs;
  }

  /** Runs the `success` operations when all compares hold, else the `failure` operations, in one step. */
  async transact(what: string, { compare, success, failure, guarded }: Transaction): Promise<TransactionAnswer> {
    const answer = await this.call({
      what,
      path: "kv/txn",
      body: {
        compare: compare.map(encodeCompare),
        success: success.map(encodeOperation),
        failure: failure.map(encodeOperation),
      },
      answer: txnAnswer,
      effect: [...success, ...failure].every(isRead) ? "read" : guarded === true ? "repeatable" : "once",
    });
    return {
      succeeded: answer.succeeded,
      revision: answer.header.revision,
      read: answer.responses.map(({ kvs }) => kvs),
      counts: answer.responses.map(({ count }) => count),
    };
  }

  /** The status of every member, asked concurrently. A member that does not answer is reported as the error. */
  async statuses(): Promise<readonly (MemberStatus | EtcdError)[]> {
    return Promise.all(
      this.#members.endpoints.map(async (endpoint) => {
        const bounds = { connectionMs: this.#deadlineMs, answerMs: this.#deadlineMs };
        const call = { path: "maintenance/status", body: {}, answer: statusAnswer };
        const found = await attempt(this.#transport, endpoint, call, bounds, {});
        if ("failure" in found) return summarise("status", [found.failure], true);
        const { header, version, leader, dbSize, dbSizeInUse, isLearner, errors } = found.answer;
        const isLeader = leader === header.member_id;
        const size = { databaseBytes: dbSize, databaseBytesInUse: dbSizeInUse, revision: header.revision };
        return { endpoint, version, hasLeader: leader !== "0", isLeader, isLearner, ...size, errors };
      }),
    );
  }

  /**
   * Any call of the gateway.
   *
   * @throws EtcdError
   */
  async call<Schema extends z.ZodType>({ what, effect, ...call }: EtcdCall<Schema>): Promise<z.output<Schema>> {
    const deadlineMs = this.#clock.monotonicMs() + this.#deadlineMs;
    let token = await this.#token.current(deadlineMs);
    const ask = async (endpoint: string, bounds: () => Bounds): Promise<Attempt<z.output<Schema>>> => {
      const send = () => {
        const headers = { ...requireLeader, ...(token === null ? {} : { authorization: token }) };
        return attempt(this.#transport, endpoint, call, bounds(), headers);
      };
      const found = await send();
      if ("answer" in found || !found.failure.staleToken || !this.#hasCredentials) return found;
      // Refused before it took effect: members lose their tokens in a restart, and drop them after five idle minutes.
      const renewed = await this.#token.replace(token, deadlineMs, endpoint);
      if ("failure" in renewed) return renewed;
      token = renewed.answer;
      return send();
    };
    const outcome = await this.#members.ask({ effect, deadlineMs, ask });
    if ("answer" in outcome) return outcome.answer;
    throw summarise(what, outcome.failures, effect === "read");
  }
}

function originsOf(endpoints: readonly string[]): readonly string[] {
  if (endpoints.length === 0) throw new Error("etcd: no endpoint is configured");
  return endpoints.map((endpoint) => {
    const { protocol, origin } = new URL(endpoint);
    if (protocol !== "https:") throw new Error(`etcd: ${endpoint} is not an https address`);
    return origin;
  });
}
