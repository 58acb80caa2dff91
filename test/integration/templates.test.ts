/** The templates of clients/templates, with the programs that they are for. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { existingToolsRoot } from "../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../lab/machine/tools-command.ts";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { FileTarget } from "../../watchdog/applications/publisher/targets/file.ts";
import { PendingNotifications } from "../../watchdog/applications/publisher/targets/pending.ts";
import { fileFromTemplate } from "../../watchdog/applications/publisher/targets/published-file.ts";
import { publisherSchema } from "../../watchdog/config/applications.ts";
import { TestAuthority } from "./support/certificates.ts";
import { PretendedElasticsearch } from "./support/pretended-elasticsearch.ts";

const templates = path.join(import.meta.dirname, "..", "..", "clients", "templates");

let directory: string;
let regions: readonly PretendedElasticsearch[];
let caPath: string;
const file = (name: string) => path.join(directory, name);
const script = (name: string, text: string) => writeFile(file(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-templates-"));
  const authority = await TestAuthority.create(directory);
  const certificate = await authority.issue("region");
  caPath = file("authority.crt");
  await writeFile(caPath, await authority.ca());
  regions = [await PretendedElasticsearch.start(certificate), await PretendedElasticsearch.start(certificate)];
  for (const region of regions) {
    region.behaviour = () => ({ kind: "status", status: 200, body: '{"took":1,"errors":false,"items":[]}' });
  }
});
afterEach(async () => {
  const pid = Number(await readFile(file("pid"), "utf8").catch(() => ""));
  if (pid > 1) process.kill(pid, "SIGKILL");
  for (const region of regions) await region.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Publishes this region's address through a template. */
async function publisher(template: string, more: { readonly validate: readonly [string, ...string[]] | null }) {
  const [settings] = publisherSchema.parse({
    source: { kind: "service", urls: ["http://127.0.0.1:1"] },
    templates: [
      {
        source: path.join(templates, template),
        destination: file("made.conf"),
        caPath,
        validate: more.validate === null ? null : { command: [...more.validate] },
        notify: { kind: "command", command: [file("notify")] },
      },
    ],
  }).templates;
  if (settings === undefined) throw new Error("a template is configured");
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const target = new FileTarget({
    file: fileFromTemplate(settings),
    notifications: await PendingNotifications.open(file("state"), () => {}),
    splayMs: 0,
    clock: systemClock,
    log,
    signal: new AbortController().signal,
  });
  return (position: 0 | 1) =>
    target.publish(
      {
        phase: "serving",
        epoch: position * 2 + 1,
        region: position === 0 ? "gra" : "bhs",
        host: "127.0.0.1",
        port: regions[position]?.port ?? 0,
      },
      () => true,
    );
}

/** Sends messages until the region has one of them. */
async function reaches(position: 0 | 1, port: number, message: string): Promise<void> {
  const taken = () => regions[position]?.received.map(({ path: at, body }) => `${at} ${body}`).join("\n") ?? "";
  await eventually(
    () => `region ${position} has ${message}; it has:\n${taken()}`,
    60_000,
    async () => {
      await new Promise<void>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.end(`<13>Nov 27 00:00:00 host1 app: ${message}\n`));
        socket.on("close", () => resolve()).on("error", () => resolve());
      });
      return taken().includes(message);
    },
  );
  expect(taken()).toMatch(/_bulk/);
}

/** The beginning of the batch that has the message. */
const firstLines = (position: 0 | 1, message: string) =>
  regions[position]?.received.find(({ body }) => body.includes(message))?.body.split("\n") ?? [];

const toolsRoot = await existingToolsRoot();
const reason = toolsRoot === undefined ? " (skipped: the root with the programs is not built)" : "";

/** A program of the tools root, which sees the test's directory, for a shell. */
const inTools = (...argv: readonly string[]) =>
  toolsCommand(toolsRoot ?? "", argv, [directory])
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
    .join(" ");

describe("a program that is configured by a template", () => {
  test.skipIf(toolsRoot === undefined)(
    `rsyslog sends to the region that serves${reason}`,
    async () => {
      const port = await freePort();
      await writeFile(
        file("main.conf"),
        `global(workDirectory="${directory}")\nmodule(load="imtcp")\ninput(type="imtcp" port="${port}" address="127.0.0.1")\n` +
          `include(file="${file("made.conf")}")\n`,
      );
      // As `systemctl restart` does: the next one starts once the one before has ended.
      const pid = file("pid");
      await script(
        "notify",
        `if [ -e ${pid} ]; then kill $(cat ${pid}); while [ -e ${pid} ]; do sleep 0.1; done; fi\n` +
          `exec ${inTools("rsyslogd", "-i", pid, "-f", file("main.conf"))} </dev/null >/dev/null 2>&1`,
      );
      await script("validate", `exec ${inTools("rsyslogd", "-N1", "-f")} "$1"`);
      const publish = await publisher("rsyslog.conf.liquid", { validate: [file("validate"), "{}"] });
      await publish(0);
      await reaches(0, port, "while-gra-serves");
      await publish(1);
      await reaches(1, port, "while-bhs-serves");
      expect(JSON.stringify(regions[0]?.received)).not.toContain("while-bhs-serves");
      const [action, document] = firstLines(1, "while-bhs-serves");
      expect(JSON.parse(action ?? "")).toMatchObject({
        create: { _index: "logs", _id: expect.stringMatching(/^.{16,}$/) },
      });
      expect(JSON.parse(document ?? "")).toMatchObject({ host: "host1", tag: "app:", severity: "notice" });
    },
    180_000,
  );

  test.skipIf(toolsRoot === undefined)(
    `syslog-ng sends to the region that serves${reason}`,
    async () => {
      const port = await freePort();
      const main = file("main.conf");
      await writeFile(
        main,
        `@version: 3.38\n@include "${file("made.conf")}"\n` +
          `source s_src { network(ip("127.0.0.1") port(${port}) transport("tcp")); };\n` +
          "log { source(s_src); destination(d_elasticsearch); };\n",
      );
      const [pid, control, persist] = [file("pid"), file("control"), file("persist")];
      await script(
        "notify",
        `if [ -e ${pid} ]; then exec kill -HUP $(cat ${pid}); fi\n` +
          `exec ${inTools(...["syslog-ng", "--process-mode=background", "-f", main], ...["-p", pid, "-c", control, "-R", persist])} ` +
          `</dev/null >/dev/null 2>&1`,
      );
      await script("validate", `exec ${inTools("syslog-ng", "--syntax-only", "-f")} "$1"`);
      const publish = await publisher("syslog-ng.conf.liquid", { validate: [file("validate"), "{}"] });
      await publish(0);
      await reaches(0, port, "while-gra-serves");
      await publish(1);
      await reaches(1, port, "while-bhs-serves");
      expect(JSON.stringify(regions[0]?.received)).not.toContain("while-bhs-serves");
      const [, document] = firstLines(1, "while-bhs-serves");
      expect(JSON.parse(document ?? "")).toMatchObject({ tag: "app", severity: "notice" });
    },
    180_000,
  );

  test("Fluent Bit's is YAML with the address, to which the program itself was not asked", async () => {
    await script("notify", "true");
    const publish = await publisher("fluent-bit.yaml.liquid", { validate: null });
    await publish(1);
    const made: unknown = parse(await readFile(file("made.conf"), "utf8"));
    const port = regions[1]?.port;
    expect(made).toMatchObject({
      pipeline: { outputs: [{ name: "es", host: "127.0.0.1", port, "tls.ca_file": caPath }] },
    });
  });
});
