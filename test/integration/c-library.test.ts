import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { cToolchainObstacle } from "../../lab/machine/c-toolchain.ts";
import { outcomeOf, run } from "../../lab/util/run.ts";
import { eventually } from "../../lab/util/until.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { type EndpointServer, serveEndpoint } from "../../watchdog/applications/endpoint/server.ts";
import { ini } from "../../watchdog/applications/formats/ini.ts";
import { readProcess } from "../../watchdog/applications/publisher/process.ts";
import type { EndpointState } from "../../watchdog/core/endpoint-state.ts";
import { type CertificateFiles, TestAuthority } from "./support/certificates.ts";
import { PretendedElasticsearch, serve } from "./support/pretended-elasticsearch.ts";

const sources = path.join(import.meta.dirname, "..", "..", "clients", "c");
const obstacle = await cToolchainObstacle();
/** Without -j: other test files run at the same time. */
const make = (...args: readonly string[]) => run("make", ["--silent", "-C", sources, ...args], { timeoutMs: 180_000 });

/** A line of the demo's ledger. */
interface Written {
  readonly id: string;
  readonly status: string;
  readonly ms: number;
  readonly attempts: number;
  readonly http: number;
  readonly uncertain: boolean;
  readonly epoch: number;
  readonly region: string;
}

/** A running escluster-demo. */
class Demo {
  readonly #process: ChildProcess;
  readonly #ledger: string;
  readonly #ended: Promise<number>;
  output = "";

  constructor(program: string, ledger: string, args: readonly string[], environment: Record<string, string> = {}) {
    this.#ledger = ledger;
    this.#process = spawn(program, ["--ledger", ledger, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...sanitizerOptions, ...environment },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#process.on("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async ledger(): Promise<readonly Written[]> {
    const text = await readFile(this.#ledger, "utf8").catch(() => "");
    const lines = text.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Written);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  prints(part: string): Promise<void> {
    return eventually(
      () => `the demo prints "${part}"; its output:\n${this.output}`,
      15_000,
      () => this.output.includes(part),
    );
  }

  /** Waits until a region has confirmed this many documents. */
  wrote(count: number, region: string): Promise<void> {
    return eventually(
      () => `${count} documents are confirmed by ${region}; the output of the demo:\n${this.output}`,
      15_000,
      async () =>
        (await this.ledger()).filter((line) => line.status === "ok" && line.region === region).length >= count,
    );
  }

  /** The exit status, once the program has ended by itself. */
  ended(): Promise<number> {
    return this.#ended;
  }

  async end(): Promise<number> {
    this.signal("SIGTERM");
    return this.#ended;
  }
}

const sanitizerOptions = {
  ASAN_OPTIONS: "abort_on_error=1:detect_leaks=1",
  UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
  TSAN_OPTIONS: "halt_on_error=1",
};

describe.skipIf(obstacle !== undefined)(`libescluster ${obstacle ?? ""}`, () => {
  let build: string;
  let directory: string;
  let authority: TestAuthority;
  let certificate: CertificateFiles;
  let gra: PretendedElasticsearch;
  let bhs: PretendedElasticsearch;
  const demos: Demo[] = [];
  const services: EndpointServer[] = [];

  beforeAll(async () => {
    build = await mkdtemp("/tmp/es-failover-c-");
    authority = await TestAuthority.create(build);
    certificate = await authority.issue("region");
    await make(`BUILD=${build}/asan`, "SANITIZE=address,undefined", "CFLAGS=-O1 -g", `${build}/asan/escluster-demo`);
  });

  afterAll(() => rm(build, { recursive: true, force: true }));

  beforeEach(async () => {
    directory = await mkdtemp(path.join(build, "run-"));
    gra = await PretendedElasticsearch.start(certificate);
    bhs = await PretendedElasticsearch.start(certificate);
  });

  afterEach(async () => {
    for (const demo of demos.splice(0)) await demo.end();
    for (const service of services.splice(0)) await service.close();
    await Promise.all([gra.stop(), bhs.stop()]);
  });

  const at = (name: string): string => path.join(directory, name);

  interface Target {
    readonly port: number;
  }

  /** As the publisher writes it for an epoch. */
  function endpointText(epoch: number, region: string, { port }: Target, caPath = authority.caFile): string {
    const before = "; kept by hand\n[Orders]\nBatch = 20\n\n[Elasticsearch]\n";
    return ini.render(before, { host: "127.0.0.1", port, region, epoch, caPath }).text;
  }

  async function publish(text: string, name = "es.ini"): Promise<void> {
    await writeFile(at(`${name}.new`), text);
    await rename(at(`${name}.new`), at(name));
  }

  function demo(
    args: readonly string[],
    environment: Record<string, string> = {},
    program = `${build}/asan/escluster-demo`,
  ): Demo {
    const file = args.includes("--service") ? [] : ["--endpoint-file", at("es.ini")];
    const started = new Demo(program, at(`ledger-${demos.length}`), [...file, ...args], environment);
    demos.push(started);
    return started;
  }

  describe("build and unit tests", () => {
    for (const sanitizer of ["address,undefined", "thread"]) {
      test(`unit tests pass under -fsanitize=${sanitizer}`, async () => {
        const folder = `${build}/unit-${sanitizer}`;
        const target = sanitizer === "thread" ? "tsan" : "check";
        const output = await make(target, `BUILD=${folder}`, `SANITIZE=${sanitizer}`, "CFLAGS=-O1 -g");
        expect(output).toMatch(/^ok \d+ - repeats_only_what_is_safe_to_repeat$/m);
        expect(output).not.toContain("not ok");
      });
    }

    test("unit tests pass under valgrind without errors or leaks", async () => {
      const output = await make("valgrind", `BUILD=${build}/plain`);
      expect(output).not.toContain("not ok");
    });

    test("the parser survives fuzzing", async () => {
      const { exitCode, stdout, stderr } = await outcomeOf("make", [
        ...["--silent", "-C", sources, "fuzz", `BUILD=${build}/fuzz`, "SECONDS=3"],
      ]);
      expect(exitCode, stdout + stderr).toBe(0);
    });

    /** The functions that an installed library exports, with the versions of their symbols. */
    async function exports(name: string): Promise<readonly string[]> {
      const symbols = await run("nm", ["-D", "--defined-only", `${build}/root/usr/lib/lib${name}.so`]);
      return symbols.match(/\bescluster_\S+$/gm)?.toSorted() ?? [];
    }

    test("CMake finds it where it is installed", async ({ skip }) => {
      if ((await outcomeOf("sh", ["-c", "command -v cmake"])).exitCode !== 0) skip("cmake is missing here");
      const project = path.join(build, "cmake");
      await mkdir(project);
      await make("install", `BUILD=${build}/plain`, `PREFIX=${project}/prefix`);
      await writeFile(
        path.join(project, "CMakeLists.txt"),
        [
          "cmake_minimum_required(VERSION 3.13)",
          "project(user C)",
          "find_package(escluster 2.0 REQUIRED)",
          "add_executable(with-escluster user.c)",
          "target_link_libraries(with-escluster escluster::escluster)",
          "add_executable(with-endpoint user.c)",
          "target_link_libraries(with-endpoint escluster::endpoint)",
          "",
        ].join("\n"),
      );
      await writeFile(
        path.join(project, "user.c"),
        '#include <escluster.h>\n#include <stdio.h>\nint main(void) { return printf("%x", escluster_version()) < 0; }\n',
      );
      await run("cmake", ["-S", project, "-B", `${project}/build`, `-DCMAKE_PREFIX_PATH=${project}/prefix`]);
      await run("cmake", ["--build", `${project}/build`]);
      for (const program of ["with-escluster", "with-endpoint"]) {
        expect(await run(`${project}/build/${program}`, [])).toBe("20000");
      }
    });

    test("is installed with everything that a program needs to build with it", async () => {
      // The files with paths in them must be of the PREFIX given to install, not of an earlier make.
      await make(`BUILD=${build}/plain`);
      await make("install", `BUILD=${build}/plain`, `DESTDIR=${build}/root`, "PREFIX=/usr");
      const program = path.join(build, "user.c");
      await writeFile(
        program,
        "#include <escluster.h>\n#include <stdio.h>\nint main(void) { return puts(escluster_status_name(ESCLUSTER_OK)) < 0; }\n",
      );
      const root = `${build}/root`;
      const environment = `PKG_CONFIG_SYSROOT_DIR=${root} PKG_CONFIG_PATH=${root}/usr/lib/pkgconfig`;
      const flags = `$(${environment} pkg-config --cflags --libs escluster)`;
      const output = await run("sh", [
        "-c",
        `cc -o ${build}/user ${program} ${flags} && LD_LIBRARY_PATH=${root}/usr/lib ${build}/user`,
      ]);
      expect(output).toBe("ok\n");
      const header = await readFile(path.join(sources, "escluster.h"), "utf8");
      const declared = header
        .match(/^(?!\s|typedef).*\bescluster_\w+(?=\()/gm)
        ?.map((line) => line.replace(/.*\W/, ""));
      expect(await exports("escluster")).toEqual(declared?.map((name) => `${name}@@ESCLUSTER_2.0`).toSorted());
      // The follower alone: fewer functions, and no libcurl.
      const endpoint = await exports("escluster-endpoint");
      expect(endpoint).toContain("escluster_take_change@@ESCLUSTER_2.0");
      expect(endpoint).not.toContain("escluster_perform@@ESCLUSTER_2.0");
      expect(await run("ldd", [`${root}/usr/lib/libescluster-endpoint.so.2`])).not.toContain("libcurl");
      for (const page of ["man1/escluster-demo.1", "man3/escluster.3"]) {
        expect(await readFile(`${root}/usr/share/man/${page}`, "utf8")).toContain(".SH NAME");
      }
    });
  });

  describe("follows the active region", () => {
    test("on SIGHUP, without events and polling", async () => {
      // A link into an unwatched directory, and polling so rarely that it cannot be the cause.
      await mkdir(at("elsewhere"));
      await writeFile(at("elsewhere/es.ini"), endpointText(1, "gra", gra));
      await symlink("elsewhere/es.ini", at("es.ini"));
      const writer = demo(["--threads", "2", "--interval", "5", "--poll-interval", "3000000"]);
      await writer.wrote(5, "gra");
      // The publisher checks this before it sends the signal.
      expect(await readProcess(writer.pid)).toMatchObject({ handlesSighup: true });
      await writeFile(at("elsewhere/es.ini"), endpointText(3, "bhs", bhs));
      await writer.wrote(10, "gra");
      expect(bhs.received).toEqual([]);

      writer.signal("SIGHUP");
      await writer.wrote(5, "bhs");
      await eventually("no connection to gra is left", 15_000, () => gra.open === 0);
      const atGra = gra.received.length;
      await writer.wrote(20, "bhs");
      expect(gra.received.length).toBe(atGra);
      expect(await writer.end()).toBe(0);
      expect((await writer.ledger()).filter(({ status }) => status !== "ok")).toEqual([]);
    });

    test("when the file is renamed into place, without a signal", async () => {
      await publish(endpointText(1, "gra", gra));
      const writer = demo(["--interval", "5", "--poll-interval", "3000000"]);
      await writer.wrote(3, "gra");
      await publish(endpointText(3, "bhs", bhs));
      await writer.wrote(3, "bhs");
      await writer.prints("epoch 3: bhs at 127.0.0.1:");
    });

    test("and ignores an older epoch", async () => {
      await publish(endpointText(5, "bhs", bhs));
      const writer = demo(["--interval", "5"]);
      await writer.wrote(3, "bhs");
      await publish(endpointText(4, "gra", gra));
      await writer.prints("its epoch 4 is older than 5 (bhs) in use");
      writer.signal("SIGHUP");
      await writer.wrote(20, "bhs");
      expect(gra.received).toEqual([]);
    });

    test("through a file that is missing, incomplete, garbled, deleted and edited by hand", async () => {
      const writer = demo(["--interval", "5", "--poll-interval", "50"]);
      await writer.prints("No such file or directory");
      await publish(endpointText(1, "gra", gra));
      await writer.wrote(3, "gra");

      const next = endpointText(3, "bhs", bhs);
      await publish(next.slice(0, next.indexOf("Port = ") + "Port = 9".length));
      await writer.prints("looks cut off");
      await publish("\u0000\u0001\u0002");
      await writer.prints("contains a NUL byte");
      await publish(next.replace("Epoch = 3", "Epoch = three"));
      await writer.prints('Epoch "three" is not an epoch');
      await rm(at("es.ini"));
      const before = (await writer.ledger()).length;
      await writer.wrote(before + 5, "gra");
      expect(bhs.received).toEqual([]);

      // An operator moves the region's host to another port, in place, with an editor that does not rename.
      await writeFile(at("es.ini"), endpointText(1, "gra", bhs));
      await eventually("requests reach the other port", 15_000, () => bhs.received.length > 3);
      await publish(next);
      await writer.wrote(3, "bhs");
      expect(await writer.end()).toBe(0);
    });

    test("while requests still hang at the lost region", async () => {
      gra.behaviour = () => ({ kind: "hang", carriedOut: false });
      await publish(endpointText(1, "gra", gra));
      const writer = demo(["--documents", "3", "--threads", "3", "--attempt-timeout", "60000"]);
      await eventually("three requests hang", 15_000, () => gra.received.length === 3);
      await publish(endpointText(3, "bhs", bhs));
      expect(await writer.ended(), writer.output).toBe(0);
      expect(bhs.documents.size).toBe(3);
      for (const { ms } of await writer.ledger()) expect(ms).toBeLessThan(30_000);
    });

    test("with several writers, losing no confirmed document and writing none twice", async () => {
      await make("SANITIZE=thread", `BUILD=${build}/tsan`, "CFLAGS=-O1 -g", `${build}/tsan/escluster-demo`);
      const prefix = (await outcomeOf("setarch", ["-R", "true"])).exitCode === 0 ? ["setarch", "-R"] : [];
      const tsanDemo = at("tsan-demo");
      await writeFile(tsanDemo, `#!/bin/sh\nexec ${prefix.join(" ")} ${build}/tsan/escluster-demo "$@"\n`, {
        mode: 0o755,
      });
      await publish(endpointText(1, "gra", gra));
      let requests = 0;
      // Every kind of failure in turn, among served requests.
      gra.behaviour = () => {
        switch (++requests % 7) {
          case 1:
            return { kind: "cut", carriedOut: true };
          case 3:
            return { kind: "cut", carriedOut: false };
          case 5:
            return { kind: "status", status: 429, body: "{}" };
          default:
            return serve;
        }
      };
      const writer = demo(["--threads", "4", "--interval", "2"], {}, tsanDemo);
      await writer.wrote(40, "gra");
      await gra.stop();
      await publish(endpointText(3, "bhs", bhs));
      await writer.wrote(40, "bhs");
      expect(await writer.end(), writer.output).toBe(0);
      for (const { id, region } of await writer.ledger()) {
        expect((region === "gra" ? gra : bhs).documents.get(id), `${id} in ${region}`).toBe(1);
      }
    });
  });

  describe("repeats only what is safe to repeat", () => {
    test("a document with its own id, written without an answer, is confirmed and exists once", async () => {
      await publish(endpointText(1, "gra", gra));
      let requests = 0;
      // The third one uses a connection that has served before.
      gra.behaviour = () => (++requests === 3 ? { kind: "cut", carriedOut: true } : serve);
      const writer = demo(["--documents", "4", "--run", "own"]);
      expect(await writer.ended(), writer.output).toBe(0);
      expect([...gra.documents.keys()]).toEqual(["own-1", "own-2", "own-3", "own-4"]);
      const third = (await writer.ledger())[2];
      expect(third).toMatchObject({ id: "own-3", status: "ok", http: 409, uncertain: true });
      expect(gra.received.filter(({ path: asked }) => asked.endsWith("/own-3"))).toHaveLength(2);
    });

    test("a conflict with a document of another client is reported", async () => {
      await publish(endpointText(1, "gra", gra));
      gra.documents.set("own-1", 1);
      const writer = demo(["--documents", "1", "--run", "own"]);
      expect(await writer.ended()).toBe(1);
      expect(await writer.ledger()).toMatchObject([{ status: "http", http: 409, attempts: 1, uncertain: false }]);
    });

    test("a document without an id is sent once, even over a connection that has served before", async () => {
      await publish(endpointText(1, "gra", gra));
      let requests = 0;
      gra.behaviour = () => (++requests === 2 ? { kind: "cut", carriedOut: true } : serve);
      const writer = demo(["--documents", "3", "--without-ids"]);
      expect(await writer.ended()).toBe(1);
      expect(gra.received).toHaveLength(3);
      expect(gra.documents.size).toBe(3);
      expect((await writer.ledger()).map(({ status }) => status)).toEqual(["ok", "uncertain", "ok"]);
      expect(writer.output).toContain("it may have been carried out, check before you repeat it");
      expect(writer.output).toContain("written 2, failed 0, uncertain 1");
    });

    test("a document without an id that was rejected before execution is sent again", async () => {
      await publish(endpointText(1, "gra", gra));
      const refusals = [
        { kind: "status", status: 429 },
        { kind: "status", status: 503, router: true, headers: { "retry-after": "0" } },
        { kind: "status", status: 403, body: '{"error":{"type":"cluster_block_exception"}}' },
      ] as const;
      let requests = 0;
      gra.behaviour = () => refusals[requests++] ?? serve;
      const writer = demo(["--documents", "1", "--without-ids"]);
      expect(await writer.ended(), writer.output).toBe(0);
      expect(await writer.ledger()).toMatchObject([{ status: "ok", attempts: 4, uncertain: false }]);
      expect(gra.documents.size).toBe(1);
    });

    test("a document without an id is not sent again after a 503 of Elasticsearch itself", async () => {
      await publish(endpointText(1, "gra", gra));
      gra.behaviour = () => ({ kind: "status", status: 503, headers: { "retry-after": "0" } });
      const writer = demo(["--documents", "1", "--without-ids"]);
      expect(await writer.ended()).toBe(1);
      expect(await writer.ledger()).toMatchObject([{ status: "uncertain", attempts: 1, http: 503 }]);
    });

    test("a request refused by a write block moves to the new region once it is known", async () => {
      gra.behaviour = () => ({ kind: "status", status: 403, body: '{"error":{"type":"cluster_block_exception"}}' });
      await publish(endpointText(1, "gra", gra));
      const writer = demo(["--documents", "1", "--without-ids"]);
      await eventually("gra has refused twice", 15_000, () => gra.received.length > 1);
      await publish(endpointText(3, "bhs", bhs));
      expect(await writer.ended(), writer.output).toBe(0);
      expect(bhs.documents.size).toBe(1);
    });

    test("and fails with the last outcome when the budget is used up", async () => {
      gra.behaviour = () => ({ kind: "status", status: 429, body: '{"error":{"type":"es_rejected_execution"}}' });
      await publish(endpointText(1, "gra", gra));
      const writer = demo(["--documents", "1", "--budget", "700"]);
      expect(await writer.ended()).toBe(1);
      const [line] = await writer.ledger();
      expect(line).toMatchObject({ status: "unavailable", uncertain: false });
      expect(line?.ms).toBeGreaterThanOrEqual(525);
      expect(line?.attempts).toBeGreaterThan(1);
      expect(writer.output).toContain("es_rejected_execution");
      expect(writer.output).toContain("nothing was carried out");
    });
  });

  describe("serves programs with an event loop", () => {
    for (const name of ["poll", "libuv", "libev"]) {
      test(`${name}: requests move from a lost region to the new one`, async ({ skip }) => {
        await make("examples", `BUILD=${build}/plain`);
        const program = `${build}/plain/example-${name}`;
        if ((await outcomeOf("test", ["-x", program])).exitCode !== 0) skip(`${name} is missing here`);
        gra.behaviour = () => ({ kind: "hang", carriedOut: false });
        bhs.behaviour = () => ({ kind: "status", status: 200, body: "{}" });
        await publish(endpointText(1, "gra", gra));
        const ended = outcomeOf(program, [at("es.ini"), "5"]);
        await eventually("five requests hang at gra", 15_000, () => gra.received.length === 5);
        await publish(endpointText(3, "bhs", bhs));
        const { exitCode, stdout } = await ended;
        expect(exitCode).toBe(0);
        expect(stdout).toBe("ok 200 bhs\n".repeat(5));
        expect(bhs.received).toHaveLength(5);
      });
    }
  });

  describe("verifies servers and protects credentials", () => {
    test("a server with a certificate of another CA receives no request", async () => {
      const foreign = await TestAuthority.create(directory, "foreign");
      await publish(endpointText(1, "gra", gra, foreign.caFile));
      const writer = demo(["--documents", "1"], { ESCLUSTER_CREDENTIALS: "app:secret" });
      expect(await writer.ended()).toBe(1);
      expect(gra.received).toEqual([]);
      expect(await writer.ledger()).toMatchObject([{ status: "untrusted", attempts: 1, uncertain: false }]);
      expect(writer.output).toContain("check CaPath and the server's certificate");
    });

    test("the program's own CA takes precedence over the one in the file", async () => {
      const foreign = await TestAuthority.create(directory, "foreign");
      await publish(endpointText(1, "gra", gra));
      const writer = demo(["--documents", "1", "--ca", foreign.caFile]);
      expect(await writer.ended()).toBe(1);
      expect(gra.received).toEqual([]);
    });

    test("credentials come from a file that only the program may read, never from the command line", async () => {
      await publish(endpointText(1, "gra", gra));
      await writeFile(at("credentials"), "app:s3cret:word\n", { mode: 0o600 });
      const args = ["--documents", "1", "--credentials-file", at("credentials")];
      const writer = demo(args);
      expect(await writer.ended(), writer.output).toBe(0);
      const basic = `Basic ${Buffer.from("app:s3cret:word").toString("base64")}`;
      expect(gra.received.map(({ headers }) => headers.authorization)).toEqual([basic]);

      await chmod(at("credentials"), 0o644);
      const refused = demo(args);
      expect(await refused.ended()).toBe(1);
      expect(refused.output).toContain("gives others access: chmod 600");
      expect(writer.output + refused.output).not.toContain("s3cret");
    });

    test("credentials accepted before are tried again at a node that has just started and cannot read its users", async () => {
      await publish(endpointText(1, "gra", gra));
      const writer = demo(["--interval", "5"], { ESCLUSTER_CREDENTIALS: "app:secret" });
      await writer.wrote(2, "gra");
      const before = gra.received.length;
      gra.behaviour = () => ({ kind: "status", status: 401, body: '{"error":{"type":"security_exception"}}' });
      await eventually("gra has refused some requests", 15_000, () => gra.received.length > before + 2);
      const written = (await writer.ledger()).length;
      gra.behaviour = () => serve;
      await writer.wrote(written + 2, "gra");
      expect((await writer.ledger()).filter(({ status }) => status !== "ok")).toEqual([]);
    });

    test("credentials never accepted are refused at once", async () => {
      gra.behaviour = () => ({ kind: "status", status: 401, body: '{"error":{"type":"security_exception"}}' });
      await publish(endpointText(1, "gra", gra));
      const writer = demo(["--documents", "1"], { ESCLUSTER_CREDENTIALS: "app:wrong" });
      expect(await writer.ended()).toBe(1);
      expect(await writer.ledger()).toMatchObject([{ status: "http", http: 401, attempts: 1 }]);
    });

    test("credentials are read again on SIGHUP", async () => {
      await publish(endpointText(1, "gra", gra));
      await writeFile(at("credentials"), "ApiKey b2xk\n", { mode: 0o600 });
      const writer = demo(["--interval", "5", "--credentials-file", at("credentials")]);
      await writer.wrote(2, "gra");
      await writeFile(at("credentials"), "ApiKey bmV3\n");
      writer.signal("SIGHUP");
      await eventually(
        "the new key is in use",
        15_000,
        () => gra.received.at(-1)?.headers.authorization === "ApiKey bmV3",
      );
      expect(gra.received[0]?.headers.authorization).toBe("ApiKey b2xk");
    });
  });

  describe("follows the endpoint service", () => {
    const clock = { nowMs: () => Date.now() };

    async function startService(
      currentState: () => EndpointState,
      acknowledgements: Acknowledgements,
    ): Promise<string> {
      const tls = {
        cert: await readFile(certificate.certificate, "utf8"),
        key: await readFile(certificate.key, "utf8"),
      };
      const options = {
        listen: "127.0.0.1:0",
        tls,
        site: "gra",
        currentState,
        isRunning: () => true,
        acknowledgements,
        clock,
      };
      const service = await serveEndpoint(options);
      services.push(service);
      return `https://127.0.0.1:${service.port}`;
    }

    test("by long poll: it stops during a change of regions, continues at the new one, and acknowledges it", async () => {
      const host = "127.0.0.1";
      const first: EndpointState = { phase: "serving", epoch: 1, region: "gra", host, port: gra.port };
      let state = first as EndpointState;
      const received = new Acknowledgements();
      // The service of a watchdog that is cut off still answers with its last state.
      const stale = await startService(() => first, new Acknowledgements());
      const current = await startService(() => state, received);
      const writer = demo([
        ...["--service", `${stale} ${current}`, "--ca", authority.caFile, "--application", "orders"],
        ...["--threads", "2", "--interval", "5"],
      ]);
      await writer.wrote(5, "gra");

      state = { phase: "closing", epoch: 2 };
      await writer.prints("epoch 2: a change of regions is in progress, requests wait");
      await eventually("no connection to gra is left", 15_000, () => gra.open === 0);
      const atGra = gra.received.length;
      state = { phase: "serving", epoch: 3, region: "bhs", host, port: bhs.port };
      await writer.wrote(5, "bhs");
      expect(gra.received.length).toBe(atGra);

      const own = () => received.own().find(({ instance }) => instance.endsWith(`:${writer.pid}`));
      await eventually("epoch 3 is acknowledged", 15_000, () => own()?.epoch === 3);
      expect(own()?.application).toBe("orders");
      expect(await writer.end(), writer.output).toBe(0);
      expect((await writer.ledger()).filter(({ status }) => status !== "ok")).toEqual([]);
    });

    test("and acknowledges an epoch only once no request of an earlier one is in progress", async () => {
      let state = { phase: "serving", epoch: 1, region: "gra", host: "127.0.0.1", port: gra.port } as EndpointState;
      const received = new Acknowledgements();
      const url = await startService(() => state, received);
      const used = () => received.own()[0]?.epoch ?? 0;
      const writer = demo([
        ...["--service", url, "--ca", authority.caFile, "--application", "orders", "--without-ids"],
        ...["--threads", "2", "--interval", "5", "--attempt-timeout", "60000"],
      ]);
      await eventually("epoch 1 is acknowledged", 15_000, () => used() === 1);
      // One write hangs at gra; without an id it is not aborted there.
      let hangs = 0;
      gra.behaviour = () => (hangs++ === 0 ? { kind: "hang", carriedOut: true } : serve);
      await eventually("a write hangs", 15_000, () => hangs > 0);
      state = { phase: "serving", epoch: 3, region: "bhs", host: "127.0.0.1", port: bhs.port };
      await writer.wrote(50, "bhs");
      expect(used()).toBe(1);

      await gra.stop();
      await eventually("epoch 3 is acknowledged", 15_000, () => used() === 3);
      const notOk = async () => (await writer.ledger()).filter(({ status }) => status !== "ok");
      await eventually("the write that hung has ended", 15_000, async () => (await notOk()).length > 0);
      expect(await notOk()).toMatchObject([{ status: "uncertain", region: "gra" }]);
    });

    test("and keeps its endpoint while the service does not know the active region, or is gone", async () => {
      let state: EndpointState = { phase: "serving", epoch: 1, region: "gra", host: "127.0.0.1", port: gra.port };
      const url = await startService(() => state, new Acknowledgements());
      const writer = demo(["--service", url, "--ca", authority.caFile, "--interval", "5"]);
      await writer.wrote(3, "gra");
      state = { phase: "unknown", epoch: 2 };
      await writer.prints("does not know the active one");
      const before = (await writer.ledger()).length;
      await writer.wrote(before + 5, "gra");
      await services.splice(0)[0]?.close();
      await writer.wrote(before + 20, "gra");
      expect(await writer.end()).toBe(0);
    });
  });
});
