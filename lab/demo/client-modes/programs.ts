import type { Addresses } from "../../../watchdog/config/address.ts";
import type { PublisherConfigInput } from "../../../watchdog/config/applications.ts";
import type { TwoRegions } from "../../system/two-regions.ts";
import { type ApplicationHost, caFile, demoProgram, home } from "./application-host.ts";
import type { DirectUser } from "./direct-user.ts";
import { Writer } from "./writer.ts";

const release = "/opt/es-failover/current";

/** A program that follows the failover in one of the client modes. */
export interface Program {
  readonly mode: string;
  readonly writer: Writer;
}

export interface Programs {
  readonly followers: readonly Program[];
  /** Its endpoint file names a node of gra and is never updated. */
  readonly unnotified: Writer;
}

/** @param addresses what the endpoint services name: a node of Elasticsearch in each region */
export async function startPrograms(
  system: TwoRegions,
  host: ApplicationHost,
  index: string,
  addresses: Addresses,
  direct: DirectUser,
): Promise<Programs> {
  const entry = await host.privateIp();
  const otherRouter = await system.lab.host(await system.hosts.router("gra"));
  const services = [entry, otherRouter?.privateIp].map((address) => `https://${address}:9201`);
  await startPublisher(host, services);
  await host.write("app", `app:${await system.secret("appPassword")}\n`, "0600");
  await host.write("direct", `${direct.name}:${direct.password}\n`, "0600");
  // An entry routes to the active region, whichever that is.
  await host.write("proxy.ini", endpointFile("entry", entry));
  await host.write("unnotified.ini", endpointFile("gra", addresses["gra"]?.host ?? ""));
  const start = (name: string, user: "app" | "direct", ...args: readonly string[]) =>
    Writer.start(host, name, index, ["--credentials-file", `${home}/${user}`, ...args]);
  const proxy = await start("proxy", "app", "--endpoint-file", `${home}/proxy.ini`);
  const file = await start("file", "direct", "--endpoint-file", `${home}/file.ini`);
  await host.write("file.pid", await host.pidOf("file"));
  const poll = await start("poll", "direct", "--service", services.join(" "), "--ca", caFile);
  // Short budgets, so that its log shows second by second how its requests end.
  const impatient = ["--budget", "1000", "--attempt-timeout", "1000"];
  const unnotified = await start("unnotified", "direct", "--endpoint-file", `${home}/unnotified.ini`, ...impatient);
  return {
    followers: [
      { mode: "through HAProxy", writer: proxy },
      { mode: "direct, endpoint file and SIGHUP", writer: file },
      { mode: "direct, long poll", writer: poll },
    ],
    unnotified,
  };
}

/** `es-failover publish`, as on any application's host: with its own configuration, as the application's user. */
async function startPublisher(host: ApplicationHost, urls: readonly string[]): Promise<void> {
  const publisher: PublisherConfigInput = {
    source: { kind: "service", urls: [...urls], caFile },
    files: [
      {
        path: `${home}/file.ini`,
        caPath: caFile,
        notify: { kind: "pid-file", pidFile: `${home}/file.pid`, executable: demoProgram },
      },
    ],
    stateDirectory: `${home}/publisher`,
    controlSocket: `${home}/publisher.sock`,
  };
  await host.write("publisher.json", JSON.stringify({ publisher }));
  const program = [`${release}/node`, `${release}/es-failover.mjs`];
  await host.start("publisher", [...program, "--config", `${home}/publisher.json`, "publish"]);
}

function endpointFile(region: string, address: string): string {
  const keys = { Host: address, Port: 9200, Region: region, CaPath: caFile, Epoch: 1 };
  return `[Elasticsearch]\n${Object.entries(keys)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join("")}`;
}
