import { existsSync } from "node:fs";
import type { Server } from "node:http";
import { request } from "node:https";
import { readEtcdTls } from "../adapters/etcd/tls.ts";
import type { EtcdTls } from "../adapters/etcd/transport.ts";
import { createListener, listenOn } from "../util/http-server.ts";
import { joinedFile, type MemberConfig, otherMembers, ownMember } from "./config.ts";

/**
 * Hosts that may found a cluster tell each other so. etcd itself answers nothing before it has a majority, so a member that
 * lost its disk could not tell others that wait to found a cluster from an existing cluster that is out of reach.
 */

const TIMEOUT_MS = 5_000;
/** Bound on an answer: a name. */
const MAX_ANSWER_LENGTH = 256;
const FOUNDER = 200;
const NO_FOUNDER = 404;

/**
 * Answers other members for as long as this host may found a cluster and its member has not voted in one.
 *
 * @returns null without a URL for it
 */
export async function serveFounder(config: MemberConfig): Promise<Server | null> {
  const { name, founderUrl } = ownMember(config);
  if (founderUrl === undefined) return null;
  const { ca, certificate, key } = await readEtcdTls(config);
  const server = createListener({ cert: certificate, key, clientCa: ca }, {}, (_, response) => {
    const isFounder = existsSync(config.permissionFile) && !existsSync(joinedFile(config));
    response.writeHead(isFounder ? FOUNDER : NO_FOUNDER, { "content-type": "text/plain" }).end(isFounder ? name : "");
  });
  await listenOn(server, new URL(founderUrl).host, "the other founders of etcd");
  return server;
}

/** Names of the other planned members, all without an answer at first; those that answer as founders leave. */
export class OtherFounders {
  readonly #config: MemberConfig;
  readonly #missing: Set<string>;

  constructor(config: MemberConfig) {
    this.#config = config;
    this.#missing = new Set(otherMembers(config).map(({ name }) => name));
  }

  /**
   * Asks those that have not answered as founders yet. An earlier answer counts on: a host stops to answer when its member
   * has voted, and a cluster that it votes in was founded with all of them.
   *
   * @returns the names of those that still have not
   */
  async missing(): Promise<readonly string[]> {
    const tls = await readEtcdTls(this.#config);
    const asked = otherMembers(this.#config).filter(({ name }) => this.#missing.has(name));
    await Promise.all(
      asked.map(async ({ name, founderUrl }) => {
        if (founderUrl !== undefined && (await isFounder(founderUrl, name, tls))) this.#missing.delete(name);
      }),
    );
    return [...this.#missing];
  }
}

function isFounder(url: string, name: string, { ca, certificate, key }: EtcdTls): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const asked = request(url, { ca, cert: certificate, key, agent: false, signal }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER_LENGTH) answer.destroy();
      });
      answer.on("close", () => resolve(answer.complete && answer.statusCode === FOUNDER && text === name));
    });
    asked.on("error", () => resolve(false));
    asked.end();
  });
}
