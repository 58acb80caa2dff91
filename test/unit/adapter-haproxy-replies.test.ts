import { describe, expect, test } from "vitest";
import { bindAddresses } from "../../watchdog/adapters/haproxy/binds.ts";
import {
  parseMap,
  parseNumbers,
  parsePreparedVersion,
  parseProcesses,
  parseReload,
  parseServers,
  parseSessions,
} from "../../watchdog/adapters/haproxy/replies.ts";

/** Replies as HAProxy 3.0.11 gave them. */
describe("HAProxy's replies are parsed:", () => {
  test("a map, and its prepared version", () => {
    expect(parseMap("0x55d1c8a0 gra 1790000000000\n0x55d1c8b0 bhs 0\n\n")).toEqual(
      new Map([
        ["gra", "1790000000000"],
        ["bhs", "0"],
      ]),
    );
    expect(parseMap("\n")).toEqual(new Map());
    expect(parseMap("Unknown map identifier. Please use #<id> or <file>.\n")).toEqual(new Map());
    expect(parsePreparedVersion("New version created: 12\n\n")).toBe(12);
    expect(parsePreparedVersion("Unknown map identifier. Please use #<id> or <file>.\n")).toBeNull();
  });

  test("variables that are numbers, and none that was never set", () => {
    const reply = `proc.es_first_write_gra: type=sint value=<1790000000000>

proc.es_last_write_gra: type=sint value=<1790000001500>

proc.es_first_write_bhs: type=any value=(undisplayable)

Variable not found.

`;
    expect([...parseNumbers(reply)]).toEqual([
      ["proc.es_first_write_gra", 1_790_000_000_000],
      ["proc.es_last_write_gra", 1_790_000_001_500],
    ]);
  });

  test("servers, by the columns of the header", () => {
    const header =
      "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change";
    const reply = `1\n${header}\n3 es_gra 1 gra-es-1 127.0.0.1 2 0 1 1 10\n4 es_bhs 1 bhs-es-1 127.0.0.1 0 0 1 1 3\n`;
    expect(parseServers(reply)).toEqual([
      { backend: "es_gra", name: "gra-es-1", up: true },
      { backend: "es_bhs", name: "bhs-es-1", up: false },
    ]);
    expect(parseServers("")).toEqual([]);
  });

  test("the present worker, and those from before a reload", () => {
    const reply = `#<PID>          <type>          <reloads>       <uptime>        <version>
23637           master          1 [failed: 0]   0d00h00m36s     3.0.11-1+deb13u5
# workers
23700           worker          0               0d00h00m02s     3.0.11-1+deb13u5
# old workers
23640           worker          1               0d00h00m35s     3.0.11-1+deb13u5
# programs

`;
    expect(parseProcesses(reply)).toEqual({ current: 23700, old: [23640] });
    expect(parseProcesses("# workers\n# programs\n")).toEqual({ current: null, old: [] });
  });

  test("sessions with their backends", () => {
    const reply = `0x7f0c3c02f000: proto=tcpv4 src=127.0.0.1:53046 fe=es be=es_gra srv=gra-es-1 ts=00 epoch=0 age=0s calls=1
0x7f0c3c03f000: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 epoch=0x4 age=0s
`;
    expect(parseSessions(reply)).toEqual([
      { id: "0x7f0c3c02f000", backend: "es_gra" },
      { id: "0x7f0c3c03f000", backend: "<NONE>" },
    ]);
  });

  test("a successful reload, and a failed one with its reasons", () => {
    expect(parseReload("Success=1\n--\n[NOTICE] (1) : Loading success.\n")).toEqual({
      succeeded: true,
      messages: "[NOTICE] (1) : Loading success.",
    });
    expect(parseReload("Success=0\n--\n[ALERT] (1) : cannot bind\n")).toEqual({
      succeeded: false,
      messages: "[ALERT] (1) : cannot bind",
    });
    expect(parseReload("").succeeded).toBe(false);
  });
});

test("addresses that a configuration listens on are found, whatever else its lines contain", () => {
  const configuration = `
frontend es
  bind 192.168.2.20:9200 ssl crt /etc/haproxy/certs/
  bind *:9201,[::1]:9202
  bind :::9203 v6only
  bind ipv4@10.0.0.1:9204
  bind :9205
  # bind :1
  bind unix@/run/x.sock
  bind :6000-6010
  bind "\${ADDRESS}:80"
  default_backend bind`;
  expect(bindAddresses(configuration)).toEqual([
    { host: "192.168.2.20", port: 9200 },
    { host: null, port: 9201 },
    { host: "::1", port: 9202 },
    { host: null, port: 9203 },
    { host: "10.0.0.1", port: 9204 },
    { host: null, port: 9205 },
  ]);
});
