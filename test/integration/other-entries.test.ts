import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { createServer as createTcpServer } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { existingToolsRoot } from "../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../lab/machine/tools-command.ts";
import { freePorts } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { EndpointActivity } from "../../watchdog/applications/endpoint/activity.ts";
import { type EndpointServer, serveEndpoint } from "../../watchdog/applications/endpoint/server.ts";
import type { EndpointState } from "../../watchdog/core/endpoint-state.ts";
import { TestAuthority } from "./support/certificates.ts";

/** The entries besides HAProxy that docs/adoption.md has examples of: the examples themselves, with other addresses. */

const toolsRoot = await existingToolsRoot();
const missing =
  process.getuid?.() !== 0 || toolsRoot === undefined ? " (skipped: needs root, and nginx that npm test sets up)" : "";

const page = await readFile(path.join(import.meta.dirname, "..", "..", "docs", "adoption.md"), "utf8");
const exampleOf = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(page)?.[1] ?? "";

const serving = (region: string): EndpointState => ({
  phase: "serving",
  epoch: 3,
  region,
  host: "10.0.0.1",
  port: 9200,
});
const closing: EndpointState = { phase: "closing", epoch: 4 };

let state = serving("paris");
let service: EndpointServer;

beforeAll(async () => {
  service = await serveEndpoint({
    listen: "127.0.0.1:0",
    tls: null,
    site: "paris",
    currentState: () => state,
    isRunning: () => true,
    acknowledgements: new Acknowledgements(),
    activity: new EndpointActivity(),
    clock: { nowMs: () => 1_000 },
  });
});
beforeEach(() => {
  state = serving("paris");
});
afterAll(() => service?.close());

describe.skipIf(missing !== "")(`nginx with the example of docs/adoption.md${missing}`, () => {
  let directory: string;
  let nodes: readonly Server[];
  let child: ChildProcess | undefined;
  let entry: string;
  let configured: (role: number) => Promise<void>;
  let output = "";

  beforeAll(async () => {
    directory = await mkdtemp("/tmp/es-failover-nginx-");
    const authority = await TestAuthority.create(directory);
    const regions = ["paris", "montreal"];
    nodes = await Promise.all(
      regions.map(async (region) => {
        const { certificate, key } = await authority.issue(region, `/CN=es.${region}.example`);
        const server = createServer(
          { cert: await readFile(certificate), key: await readFile(key) },
          (incoming, outgoing) => {
            incoming.setEncoding("utf8");
            let body = "";
            incoming.on("data", (chunk: string) => {
              body += chunk;
            });
            incoming.on("end", () => {
              outgoing.statusCode = incoming.url === "/fails" ? 500 : 200;
              outgoing.end(`${region} ${incoming.method} ${body}`);
            });
          },
        );
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return server;
      }),
    );
    const [port = 0] = await freePorts(1);
    entry = `http://127.0.0.1:${port}`;
    const address = (server: Server | undefined) => {
      const found = server?.address();
      return `127.0.0.1:${typeof found === "object" ? found?.port : 0}`;
    };
    configured = async (role) => {
      const example = exampleOf("nginx")
        .replace("es-1.paris.example:9200", address(nodes[0]))
        .replace("es-1.montreal.example:9200", address(nodes[1]))
        .replaceAll(/\/etc\/es-failover\/\w+-ca\.crt/g, authority.caFile)
        .replace("127.0.0.1:9280", `127.0.0.1:${port}`)
        .replace("127.0.0.1:9201", `127.0.0.1:${role}`);
      await writeFile(
        path.join(directory, "nginx.conf"),
        `daemon off; pid ${directory}/pid; error_log stderr; user root; worker_processes 1; events {}
http { access_log off; ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${directory}/${kind};`).join(" ")}
${example} }`,
      );
    };
    await configured(service.port);
    const command = ["/usr/sbin/nginx", "-c", path.join(directory, "nginx.conf"), "-e", "stderr"];
    const [program = "", ...args] = toolsCommand(toolsRoot ?? "", command, [directory]);
    child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
    await eventually(
      () => `nginx answers; its output: ${output}`,
      15_000,
      async () => (await ask("/").catch(() => null)) !== null,
    );
  });
  afterAll(async () => {
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child?.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    for (const server of nodes ?? []) {
      server.closeAllConnections();
      server.close();
    }
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  async function ask(
    what: string,
    body?: string,
  ): Promise<{ status: number; text: string; retryAfter: string | null }> {
    const response = await fetch(`${entry}${what}`, body === undefined ? {} : { method: "PUT", body });
    return { status: response.status, text: await response.text(), retryAfter: response.headers.get("retry-after") };
  }
  const closed = { status: 503, text: expect.stringContaining("es_failover_closed"), retryAfter: "2" };

  test("sends each request to the region that serves, whole, and none while a region is being changed", async () => {
    expect(await ask("/orders/_doc/1", "a document")).toMatchObject({ status: 200, text: "paris PUT a document" });
    state = closing;
    expect(await ask("/orders/_doc/1", "a document")).toEqual(closed);
    state = serving("montreal");
    expect(await ask("/orders/_doc/1", "a document")).toMatchObject({ status: 200, text: "montreal PUT a document" });
  });

  test("passes on an error of the region that serves, and never asks the other one", async () => {
    expect(await ask("/fails")).toMatchObject({ status: 500, text: "paris GET " });
  });

  test("closes when its watchdog hangs, and when it is gone", async () => {
    // Accepts, and answers nothing, as a stopped process does.
    const hung = createTcpServer(() => {});
    await new Promise<void>((resolve) => hung.listen(0, "127.0.0.1", resolve));
    const address = hung.address();
    await configured(typeof address === "object" ? (address?.port ?? 0) : 0);
    child?.kill("SIGHUP");
    await eventually("the hanging watchdog is asked", 15_000, async () => (await ask("/")).status === 503);
    expect(await ask("/")).toEqual(closed);
    hung.close();
    expect(await ask("/")).toEqual(closed);
  });
});

describe("the readiness probe of the Kubernetes example", () => {
  const probeSchema = z.object({
    spec: z.object({
      template: z.object({
        metadata: z.object({ labels: z.record(z.string(), z.string()) }),
        spec: z.object({
          containers: z.array(z.object({ readinessProbe: z.object({ httpGet: z.object({ path: z.string() }) }) })),
        }),
      }),
    }),
  });

  test("takes an entry out while it is closed, whichever region serves", async () => {
    const [deployment, target] = parseAllDocuments(exampleOf("yaml")).map((document) => document.toJS());
    const { labels } = probeSchema.parse(deployment).spec.template.metadata;
    expect(labels).toMatchObject(
      z.object({ spec: z.object({ selector: z.record(z.string(), z.string()) }) }).parse(target).spec.selector,
    );
    const [container] = probeSchema.parse(deployment).spec.template.spec.containers;
    const probe = async () =>
      (await fetch(`http://127.0.0.1:${service.port}${container?.readinessProbe.httpGet.path}`)).status;
    expect(await probe()).toBe(200);
    state = serving("montreal");
    expect(await probe()).toBe(200);
    state = closing;
    expect(await probe()).toBe(503);
  });
});
