import { createHmac } from "node:crypto";

/**
 * The value of the header `es-failover-signature`: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" in hexadecimal>`, with
 * a `v1` for each secret. The time is signed too, so that a receiver can refuse a repetition.
 */
export function signatureOf(body: string, secrets: readonly string[], nowMs: number): string {
  const seconds = Math.floor(nowMs / 1_000);
  const digests = secrets.map((secret) => createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex"));
  return [`t=${seconds}`, ...digests.map((digest) => `v1=${digest}`)].join(",");
}
