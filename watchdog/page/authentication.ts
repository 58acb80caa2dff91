import { createHash, timingSafeEqual } from "node:crypto";
import { isIPv6 } from "node:net";
import { isLoopback } from "../config/applications.ts";
import type { Secrets } from "../config/files.ts";
import type { Clock } from "../util/clock.ts";
import type { Live } from "../util/live.ts";

/** Why a reader is refused. */
export interface Refusal {
  readonly status: 401 | 403 | 429;
  readonly sentence: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** null: the reader may read the page. */
export type Authenticate = (reader: Reader) => Refusal | null;

/** What a request tells of its reader. */
export interface Reader {
  /** The header of this name. */
  readonly authorization?: string | undefined;
  /** The name by which the page was asked for, with the port. */
  readonly host?: string | undefined;
  readonly address: string;
}

/** TLS has refused every browser without a certificate. */
export const byCertificate: Authenticate = () => null;

/** Somebody else has authenticated the reader; a name that is not ours would be a website's that points to this host. */
export function byProxy(hosts: readonly string[]): Authenticate {
  return ({ host = "" }) => {
    const name = host.replace(/:\d+$/, "").toLowerCase();
    const isOurs = isLoopback(`${name}:80`) || hosts.some((ours) => ours.toLowerCase() === name);
    if (isOurs) return null;
    const sentence =
      "the page does not have this name: open it at localhost, or add the name to page.authentication.hosts";
    return { status: 403, sentence, headers: {} };
  };
}

/** A person who mistypes has some attempts; a program that guesses gets nowhere. */
const FAILURES_ALLOWED = 5;
const WINDOW_MS = 60_000;
/** More addresses than this are forgotten, the oldest first. */
const ADDRESSES_KEPT = 1_000;

interface Failures {
  readonly count: number;
  readonly untilMs: number;
}

/** HTTP's basic authentication. After some failures an address is refused for a minute, whatever it sends. */
export function byPassword(
  username: string,
  passwords: Live<Secrets>,
  clock: Pick<Clock, "monotonicMs">,
): Authenticate {
  const failures = new Map<string, Failures>();
  return ({ authorization, address: from }) => {
    const address = networkOf(from);
    const nowMs = clock.monotonicMs();
    const earlier = failures.get(address);
    const known = earlier !== undefined && earlier.untilMs > nowMs ? earlier : { count: 0, untilMs: nowMs + WINDOW_MS };
    // Browsers ask once without a password, to learn that one is needed.
    if (authorization === undefined) return unauthenticated("a user and a password are needed");
    if (known.count >= FAILURES_ALLOWED) {
      const seconds = Math.ceil((known.untilMs - nowMs) / 1_000);
      const headers = { "retry-after": String(seconds) };
      return { status: 429, sentence: `too many wrong passwords: try again in ${seconds} s`, headers };
    }
    if (isRight(authorization, username, passwords.current)) {
      failures.delete(address);
      return null;
    }
    failures.delete(address);
    failures.set(address, { ...known, count: known.count + 1 });
    const [oldest] = failures.keys();
    if (failures.size > ADDRESSES_KEPT && oldest !== undefined) failures.delete(oldest);
    return unauthenticated("the user or the password is wrong");
  };
}

const unauthenticated = (sentence: string): Refusal => ({
  status: 401,
  sentence,
  headers: { "www-authenticate": 'Basic realm="es-failover", charset="UTF-8"' },
});

/** Compares with every password, so that the time tells neither which one nor how much of it was right. */
function isRight(authorization: string, username: string, passwords: Secrets): boolean {
  const given = digest(Buffer.from(/^Basic (\S+)$/i.exec(authorization)?.[1] ?? "", "base64"));
  const matches = passwords.map((password) => timingSafeEqual(given, digest(Buffer.from(`${username}:${password}`))));
  return matches.includes(true);
}

const digest = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();

/** A host has many IPv6 addresses of one network. */
const networkOf = (address: string): string =>
  isIPv6(address) && !address.startsWith("::ffff:") ? address.split(":").slice(0, 4).join(":") : address;
