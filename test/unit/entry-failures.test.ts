import { describe, expect, test } from "vitest";
import { connectionFailure, failureOf, isClosed } from "../../watchdog/adapters/entry/failures.ts";

/** Answers as Elasticsearch 9.5 and HAProxy give them. */
const refusal = (type: string, reason: string) =>
  JSON.stringify({ error: { root_cause: [{ type, reason }], type, reason } });
const blocked = (block: string) =>
  refusal("cluster_block_exception", `index [.es-failover-canary] blocked by: [${block}];`);

describe("a canary that fails", () => {
  test.each([
    ["cluster-block", 403, blocked("FORBIDDEN/6/cluster read-only (api)")],
    ["cluster-block", 403, blocked("FORBIDDEN/13/cluster read-only / allow delete (api)")],
    [
      "flood-stage",
      429,
      blocked("TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block"),
    ],
    ["index", 403, blocked("FORBIDDEN/8/index write (api)")],
    ["unavailable", 503, blocked("SERVICE_UNAVAILABLE/2/no master")],
    ["overloaded", 429, refusal("es_rejected_execution_exception", "rejected execution of coordinating operation")],
    ["overloaded", 429, refusal("circuit_breaking_exception", "[parent] Data too large")],
    ["forbidden", 401, refusal("security_exception", "unable to authenticate user [haproxy-check]")],
    ["forbidden", 403, refusal("security_exception", "action [indices:data/write/index] is unauthorized")],
    ["index", 503, refusal("unavailable_shards_exception", "primary shard is not active")],
    ["index", 404, refusal("index_not_found_exception", "no such index")],
    ["unavailable", 500, refusal("io_exception", "No space left on device")],
    ["unavailable", 503, "<html><body><h1>503 Service Unavailable</h1>\nNo server is available.</body></html>"],
    ["timeout", 504, "<html><body><h1>504 Gateway Time-out</h1></body></html>"],
  ])("has the cause %s after HTTP %i %s", (cause, status, body) => {
    expect(failureOf({ status, region: null, body }).cause).toBe(cause);
  });

  test("gives the reason in one line, of an answer in HTML too", () => {
    expect(failureOf({ status: 403, region: "gra", body: blocked("FORBIDDEN/6/cluster read-only (api)") }).error).toBe(
      "HTTP 403: index [.es-failover-canary] blocked by: [FORBIDDEN/6/cluster read-only (api)];",
    );
    expect(failureOf({ status: 503, region: null, body: "<html><h1>503</h1>\nNo server</html>" }).error).toMatch(
      /^HTTP 503: 503\s+No server$/,
    );
  });

  test("is none where HAProxy itself routes to no region", () => {
    const body = '{"error":{"type":"es_failover_closed","reason":"no region is open"},"status":503}';
    expect(isClosed({ status: 503, region: null, body })).toBe(true);
    expect(isClosed({ status: 503, region: "gra", body })).toBe(false);
  });

  test.each([
    ["untrusted", Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), false],
    ["timeout", new DOMException("aborted", "TimeoutError"), true],
    ["entry", Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }), false],
  ])("has the cause %s without an answer", (cause, error, isLate) => {
    expect(connectionFailure(error, isLate, 5_000).cause).toBe(cause);
  });
});
