import { describe, expect, test } from "vitest";
import type { Secrets } from "../../watchdog/config/files.ts";
import { byPassword, byProxy } from "../../watchdog/page/authentication.ts";
import { LiveCell } from "../../watchdog/util/live.ts";

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

function readers(passwords: Secrets = ["correct horse"]) {
  let nowMs = 0;
  const live = new LiveCell<Secrets>(passwords);
  const authenticate = byPassword("operator", live, { monotonicMs: () => nowMs });
  return {
    live,
    pass: (ms: number) => (nowMs += ms),
    /** The status of a refusal; null: let in. */
    ask: (authorization?: string, address = "203.0.113.7") => authenticate({ authorization, address })?.status ?? null,
  };
}

describe("a reader with a password", () => {
  test("is let in with the right user and password alone", () => {
    const { ask } = readers();
    expect(ask()).toBe(401);
    expect(ask(basic("operator", "correct horse"))).toBeNull();
    const wrong = [basic("operator", "correct hors"), basic("root", "correct horse"), "Basic ???", "Bearer x", ""];
    for (const [at, header] of wrong.entries()) expect(ask(header, `198.51.100.${at}`)).toBe(401);
  });

  test("is refused for a minute after five failures, with the right password too; other addresses are not", () => {
    const { ask, pass } = readers();
    for (let attempt = 0; attempt < 5; attempt += 1) expect(ask(basic("operator", "guess"))).toBe(401);
    expect(ask(basic("operator", "correct horse"))).toBe(429);
    expect(ask(basic("operator", "correct horse"), "203.0.113.8")).toBeNull();
    pass(60_000);
    expect(ask(basic("operator", "correct horse"))).toBeNull();
  });

  test("shares the failures of its IPv6 network", () => {
    const { ask } = readers();
    for (let host = 0; host < 5; host += 1) ask(basic("operator", "guess"), `2001:db8:1:2::${host}`);
    expect(ask(basic("operator", "correct horse"), "2001:db8:1:2::99")).toBe(429);
    expect(ask(basic("operator", "correct horse"), "2001:db8:1:3::99")).toBeNull();
  });

  test("may use either password during a rotation, and the new one alone after it", () => {
    const { ask, live } = readers(["old", "new"]);
    expect([ask(basic("operator", "old")), ask(basic("operator", "new"))]).toEqual([null, null]);
    live.set(["new"]);
    expect([ask(basic("operator", "old")), ask(basic("operator", "new"))]).toEqual([401, null]);
  });

  test("does not lock itself out by asking without a password, as browsers do first", () => {
    const { ask } = readers();
    for (let attempt = 0; attempt < 20; attempt += 1) ask();
    expect(ask(basic("operator", "correct horse"))).toBeNull();
  });
});

describe("a reader behind a proxy or a tunnel", () => {
  const authenticate = byProxy(["status.example.org"]);
  const ask = (host: string) => authenticate({ host, address: "127.0.0.1" });

  test("reads under a name of loopback or of the configuration", () => {
    for (const host of ["localhost:9445", "127.0.0.1:9445", "[::1]:9445", "Status.example.org"])
      expect(ask(host)).toBeNull();
  });

  test("is refused under any other name, which a website may have pointed to this host", () => {
    for (const host of ["evil.example", "localhost.evil.example:9445", ""])
      expect(ask(host)).toMatchObject({ status: 403 });
  });
});
