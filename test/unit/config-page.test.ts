import { expect, test } from "vitest";
import { crossFieldViolations } from "../../watchdog/config/contradictions.ts";
import { listenOf, pageSchema } from "../../watchdog/config/page.ts";
import { sentenceOf } from "../../watchdog/config/violations.ts";
import { config } from "./core-fixtures.ts";

const tls = { certificateFile: "/etc/c", keyFile: "/etc/k" };
const password = { kind: "password", passwordFile: "/etc/p" };
const certificate = { kind: "certificate", clientCaFile: "/etc/ca" };

const violationsOf = (page: unknown) =>
  crossFieldViolations({ ...config, page: pageSchema.parse(page) }).map(sentenceOf);

test.each([
  ["a proxy, on loopback", { authentication: { kind: "proxy" } }],
  ["a proxy, on the other loopback", { address: "::1", authentication: { kind: "proxy" } }],
  ["a password over TLS", { address: "0.0.0.0", authentication: password, ...tls }],
  ["a password on loopback", { authentication: password }],
  ["a certificate", { address: "192.168.1.101", authentication: certificate, ...tls }],
])("the page is served with %s", (_what, page) => {
  expect(violationsOf(page)).toEqual([]);
});

test.each([
  [
    "a proxy on an address that others reach",
    { address: "0.0.0.0", authentication: { kind: "proxy" }, ...tls },
    /page\.address is "0\.0\.0\.0": .*listens on loopback alone.*certificate or password/,
  ],
  [
    "a password without TLS on such an address",
    { address: "0.0.0.0", authentication: password },
    /page\.certificateFile is missing: other hosts can reach 0\.0\.0\.0:9445/,
  ],
  [
    "certificates without TLS",
    { authentication: certificate },
    /page\.certificateFile is missing: browsers show their/,
  ],
  [
    "a certificate without its key",
    { authentication: password, certificateFile: "/etc/c" },
    /page\.keyFile and page\.certificateFile must both/,
  ],
])("the page is refused with %s", (_what, page, sentence) => {
  expect(violationsOf(page)).toEqual([expect.stringMatching(sentence)]);
});

test("the page has no authentication by default, and takes no unknown key", () => {
  expect(config.page).toBeNull();
  expect(pageSchema.safeParse({}).success).toBe(false);
  expect(pageSchema.safeParse({ authentication: { kind: "none" } }).success).toBe(false);
  expect(pageSchema.safeParse({ authentication: { kind: "proxy", passwordFile: "/etc/p" } }).success).toBe(false);
});

test("an IPv6 address is listened on in brackets", () => {
  expect([listenOf({ address: "::1", port: 1 }), listenOf({ address: "0.0.0.0", port: 2 })]).toEqual([
    "[::1]:1",
    "0.0.0.0:2",
  ]);
});
