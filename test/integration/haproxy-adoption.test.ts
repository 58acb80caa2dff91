import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { isOpen } from "../../watchdog/adapters/haproxy/rules.ts";
import { sendCommand } from "../../watchdog/adapters/haproxy/runtime-api.ts";
import { main } from "../../watchdog/cli/program.ts";
import { haproxyCommand, haproxyMissing } from "./haproxy-process.ts";
import { TestAuthority } from "./support/certificates.ts";

const execute = promisify(execFile);

/**
 * A haproxy.cfg that people wrote, with the pieces that `es-failover haproxy snippet` writes, in a real HAProxy: what
 * `es-failover haproxy check` tells of each frontend is what HAProxy does.
 */

/** Frontends of one file. `@gra` is the address of a node of gra; RULES are those of the snippet without its routes. */
const frontends: Readonly<Record<string, { readonly lines: string; readonly goesAround: boolean }>> = {
  pasted: { lines: "RULES ROUTES", goesAround: false },
  narrowed: { lines: `RULES\n  use_backend es_gra if { path_beg / } ${isOpen("gra")}`, goesAround: false },
  named: {
    lines: "RULES\n  acl open_gra var(txn.left_gra) -m int gt 0\n  use_backend es_gra if open_gra",
    goesAround: false,
  },
  unread: { lines: `use_backend es_gra if ${isOpen("gra")}`, goesAround: false },
  default: { lines: "RULES\n  default_backend es_gra", goesAround: true },
  unconditional: { lines: "RULES\n  use_backend es_gra", goesAround: true },
  alternative: { lines: `RULES\n  use_backend es_gra if ${isOpen("gra")} or { path_beg / }`, goesAround: true },
  unless: { lines: `RULES\n  use_backend es_gra unless ${isOpen("gra")}`, goesAround: true },
  negated: { lines: `RULES\n  use_backend es_gra if ! ${isOpen("gra")}`, goesAround: true },
  "of-the-other": { lines: `RULES\n  use_backend es_gra if !${isOpen("bhs")}`, goesAround: true },
  widened: {
    lines:
      "RULES\n  acl open_gra var(txn.left_gra) -m int gt 0\n  acl open_gra path_beg /\n  use_backend es_gra if open_gra",
    goesAround: true,
  },
  "not-open": {
    lines: "RULES\n  acl open_gra var(txn.left_gra) -m int gt 0\n  use_backend es_gra if ! open_gra",
    goesAround: true,
  },
  overwritten: { lines: "RULES\n  http-request set-var(txn.left_gra) int(1)\n  ROUTES", goesAround: true },
  computed: { lines: "RULES\n  use_backend %[str(es_gra)]", goesAround: true },
  beside: { lines: "default_backend old", goesAround: true },
};

const configuration = (ports: readonly number[], snippet: string, gra: string, socket: string): string => {
  const lines = snippet.split("\n").filter((line) => !line.startsWith("#"));
  const isRoute = (line: string) => /^ *(?:use|default)_backend/.test(line);
  const rules = lines.filter((line) => !isRoute(line)).join("\n");
  const routes = lines.filter(isRoute).join("\n");
  const written = Object.entries(frontends).map(
    ([name, { lines: own }], position) =>
      `frontend ${name}\n  bind 127.0.0.1:${ports[position]}\n  ${own.replace("RULES", rules).replace("ROUTES", routes)}\n`,
  );
  return `global
  stats socket ${socket} mode 660 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
${written.join("\n")}
listen straight
  bind 127.0.0.1:${ports.at(-1)}
  server node ${gra}
backend old
  server node ${gra}
`;
};

describe.skipIf(haproxyMissing !== undefined)(`an existing HAProxy ${haproxyMissing ?? ""}`, () => {
  let directory: string;
  let nodes: readonly Server[];
  let ports: readonly number[];
  let child: ChildProcess | undefined;
  let output = "";

  const at = (name: string) => path.join(directory, name);
  const es = async (...args: string[]): Promise<{ code: number; out: string }> => {
    let out = "";
    const print = (text: string) => {
      out += `${text}\n`;
    };
    const code = await main(["--config", at("watchdog.json"), "haproxy", ...args], { print, complain: print });
    return { code, out };
  };
  const addressOf = (server: Server | undefined) => {
    const address = server?.address();
    return `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  };

  beforeAll(async () => {
    directory = await mkdtemp("/tmp/es-failover-adoption-");
    nodes = await Promise.all(
      ["gra", "bhs"].map(async (region) => {
        const server = createServer((_, response) => response.end(region));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return server;
      }),
    );
    ports = await freePorts(Object.keys(frontends).length + 1);
    const { caFile } = await TestAuthority.create(directory);
    await writeFile(at("password"), "of-the-check", { mode: 0o600 });
    await writeFile(at("ticket.map"), "");
    const region = (position: number) => ({ nodes: [`http://${addressOf(nodes[position])}`], plainHttp: true });
    await writeFile(
      at("watchdog.json"),
      JSON.stringify({
        name: "proxy-1",
        site: "gra",
        regions: { gra: region(0), bhs: region(1) },
        firstPrimary: "gra",
        elasticsearch: { username: "es-failover", passwordFile: at("password") },
        replication: { patterns: ["orders*"] },
        store: { kind: "file", directory },
        router: { adminSocket: at("admin.sock"), ticketMapFile: at("ticket.map"), configFile: at("haproxy.cfg") },
        entry: { url: "https://127.0.0.1:9200", username: "haproxy-check", passwordFile: at("password"), caFile },
      }),
    );
    expect((await es("snippet", "--output", directory)).code).toBe(0);
    const snippet = await readFile(at("frontend.cfg"), "utf8");
    await writeFile(at("haproxy.cfg"), configuration(ports, snippet, addressOf(nodes[0]), at("admin.sock")));
    const [program, ...leading] = haproxyCommand;
    child = spawn(program, [...leading, "-db", "-f", at("haproxy.cfg"), "-f", at("backends.cfg")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
    await eventually(
      () => `HAProxy answers; its output: ${output}`,
      15_000,
      async () => (await get(ports.at(-1) ?? 0)) === "gra",
    );
  });
  afterAll(async () => {
    child?.kill();
    for (const server of nodes ?? []) {
      server.closeAllConnections();
      server.close();
    }
    await rm(directory, { recursive: true, force: true });
  });

  async function get(port: number): Promise<string | number> {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    if (answer === null) return "no answer";
    const body = await answer.text();
    return answer.status === 200 ? body : answer.status;
  }

  test("accepts the snippets without a warning, in a configuration of few lines", async () => {
    const rules = await readFile(at("frontend.cfg"), "utf8");
    const own = `global\n  stats socket ${at("admin.sock")} level admin\ndefaults\n  mode http\n  timeout client 5s\nfrontend app\n  bind 127.0.0.1:1\n${rules}`;
    await writeFile(at("own.cfg"), own);
    const [program, ...leading] = haproxyCommand;
    const { stdout, stderr } = await execute(program, [
      ...[...leading, "-c", "-V", "-f", at("own.cfg")],
      ...["-f", at("backends.cfg")],
    ]);
    expect(stdout + stderr).toContain("Configuration file is valid");
    expect(stdout + stderr).not.toMatch(/WARNING|ALERT/);
    const checked = await es("check", at("own.cfg"), at("backends.cfg"));
    expect(checked).toEqual({
      code: 0,
      out: `No frontend of ${at("own.cfg")} ${at("backends.cfg")} goes around the routing ticket.\n`,
    });
  });

  test("sends requests without a ticket through exactly those frontends that the check names", async () => {
    const reached = await Promise.all(Object.keys(frontends).map((_, position) => get(ports[position] ?? 0)));
    const open = Object.keys(frontends).filter((_, position) => reached[position] === "gra");
    const closed = await fetch(`http://127.0.0.1:${ports[0]}/`);
    expect([closed.status, closed.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await closed.json()).toMatchObject({ error: { type: "es_failover_closed" } });
    expect(open).toEqual(Object.keys(frontends).filter((name) => frontends[name]?.goesAround));

    const { code, out } = await es("check", at("haproxy.cfg"), at("backends.cfg"));
    expect(code).toBe(5);
    const named = [...out.matchAll(/^GOES AROUND +\S+ (?:frontend|listen) (\S+)/gm)].map(([, name]) => name);
    expect([...new Set(named)]).toEqual([...open, "straight"]);
    expect(out).toMatch(/^CLOSED +haproxy\.cfg:\d+ frontend unread .*set-var\(txn\.now\)/m);
    expect(out).not.toContain("of-the-check");
  });

  test("sends them to the region with a valid ticket through the others", async () => {
    const valid = String(Date.now() + 60_000);
    await sendCommand(at("admin.sock"), `add map ${at("ticket.map")} gra ${valid}`, 1_000);
    for (const name of ["pasted", "narrowed", "named"]) {
      expect([name, await get(ports[Object.keys(frontends).indexOf(name)] ?? 0)]).toEqual([name, "gra"]);
    }
    expect(await get(ports[Object.keys(frontends).indexOf("unread")] ?? 0)).toBe(503);
  });
});
