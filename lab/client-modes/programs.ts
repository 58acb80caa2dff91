import type { Addresses } from "../../watchdog/config/address.ts";
import type { PublisherConfigInput } from "../../watchdog/config/applications.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import { type ApplicationHost, caFile, demoProgram, home, Writer } from "./application-host.ts";
import type { DirectUser } from "./direct-user.ts";

const release = "/opt/es-failover/current";

/** A program that follows the failover in one of the three ways. */
export interface Program {
  readonly way: string;
  readonly writer: Writer;
}

export interface Programs {
  readonly ways: readonly Program[];
  /** Nobody tells it of anything: its endpoint file names a node of gra for ever. */
  readonly deaf: Writer;
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
  const far = await system.lab.host(await system.hosts.router("gra"));
  const services = [entry, far?.privateIp].map((address) => `https://${address}:9201`);
  await startPublisher(host, services);
  await host.write("app", `app:${await system.secret("appPassword")}\n`, "0600");
  await host.write("direct", `${direct.name}:${direct.password}\n`, "0600");
  // The region of an entry is nobody's business: whatever it routes to is the one that serves.
  await host.write("proxy.ini", endpointFile("entry", entry));
  await host.write("deaf.ini", endpointFile("gra", addresses["gra"]?.host ?? ""));
  const start = (name: string, user: "app" | "direct", ...args: readonly string[]) =>
    Writer.start(host, name, index, ["--credentials-file", `${home}/${user}`, ...args]);
  const proxy = await start("proxy", "app", "--endpoint-file", `${home}/proxy.ini`);
  const file = await start("file", "direct", "--endpoint-file", `${home}/file.ini`);
  await host.write("file.pid", await host.pidOf("file"));
  const poll = await start("poll", "direct", "--service", services.join(" "), "--ca", caFile);
  // It gives up soon, so that its account tells from one second to the next how it fared.
  const impatient = ["--budget", "1000", "--attempt-timeout", "1000"];
  const deaf = await start("deaf", "direct", "--endpoint-file", `${home}/deaf.ini`, ...impatient);
  return {
    ways: [
      { way: "through HAProxy", writer: proxy },
      { way: "direct, endpoint file and SIGHUP", writer: file },
      { way: "direct, long poll", writer: poll },
    ],
    deaf,
  };
}

/** `es-failover publish`, as on any application's host: with a configuration of its own, as the application's user. */
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
