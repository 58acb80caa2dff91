import { hostname } from "node:os";
import type { AnswersInput } from "../../adoption/answers.ts";
import { witnessName } from "../../config/address.ts";
import { users } from "../../config/roles.ts";
import type { Ask } from "./ask.ts";

const CERTIFICATES = {
  caFile: "/etc/es-failover/ca.crt",
  certificateFile: "/etc/es-failover/secrets/watchdog.crt",
  keyFile: "/etc/es-failover/secrets/watchdog.key",
};

/** Asks what a file of answers would say. Passwords of administrators are asked for where they are used. */
export async function askAnswers(ask: Ask): Promise<AnswersInput> {
  const first = await ask.text("Name of the first region", "gra");
  const second = await ask.text("Name of the second region", "bhs");
  const regions: Record<string, AnswersInput["regions"][string]> = {};
  for (const region of [first, second]) regions[region] = await askRegion(ask, region);
  const patterns = await ask.text("Indices to replicate, as patterns separated by spaces, such as orders* logs-app*");
  const exclusions = await ask.text("Patterns to leave out of them", "none");
  const name = await ask.text("Name of this watchdog", hostname());
  const site = await ask.text(`Site of this host: ${first}, ${second} or ${witnessName}`, first);
  const shared = await askStore(ask);
  const atEntry = site === witnessName ? { router: null } : { router: {}, ...(await askEntry(ask)) };
  return {
    name,
    site,
    regions,
    replication: { patterns: words(patterns), ...(exclusions === "none" ? {} : { exclusions: words(exclusions) }) },
    ...shared,
    ...atEntry,
  };
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

async function askRegion(ask: Ask, region: string): Promise<AnswersInput["regions"][string]> {
  const nodes = words(await ask.text(`URLs of the nodes of ${region}, separated by spaces`));
  const isPlain = nodes.some((node) => node.startsWith("http:"));
  if (isPlain) {
    const accepted = await ask.text(
      "Passwords and documents then cross the network readable by all on it. Type plain to accept that",
      "no",
    );
    if (accepted !== "plain") throw new Error("write https URLs");
  }
  const caFile = await ask.text(
    `PEM file of the CA of the nodes of ${region}`,
    isPlain ? "none" : `/etc/es-failover/${region}-ca.crt`,
  );
  const username = await ask.text(`User of ${region} who may create roles and users; not kept`, "elastic");
  return {
    nodes,
    ...(isPlain ? { plainHttp: true } : {}),
    ...(caFile === "none" ? {} : { caFile }),
    admin: { username },
  };
}

async function askStore(ask: Ask): Promise<Pick<AnswersInput, "store" | "failsafe">> {
  const endpoints = words(
    await ask.text("Client URLs of etcd, the nearest one first; none: this is the only watchdog", "none"),
  );
  if (endpoints[0] === "none") return { store: { kind: "file", directory: "/var/lib/es-failover/store" } };
  const caFile = await ask.text("PEM file of the CA of etcd and of the watchdogs", CERTIFICATES.caFile);
  const certificateFile = await ask.text("Certificate of this watchdog, for both", CERTIFICATES.certificateFile);
  const keyFile = await ask.text("Its key", CERTIFICATES.keyFile);
  const tls = { caFile, certificateFile, keyFile };
  const address = await ask.text(
    "Address and port at which the other watchdogs reach this one, such as 10.0.1.20:9443",
  );
  return {
    store: {
      kind: "etcd",
      endpoints,
      ...tls,
      username: users.watchdog.name,
      passwordFile: "/etc/es-failover/secrets/etcd-password",
    },
    failsafe: { listen: address, url: `https://${address}`, ...tls },
  };
}

async function askEntry(ask: Ask): Promise<Pick<AnswersInput, "entry">> {
  const url = await ask.text(
    "URL at which applications reach HAProxy on this host, by an address in its certificate",
    `https://${hostname()}:9200`,
  );
  const caFile = await ask.text("PEM file of the CA of HAProxy's certificate", CERTIFICATES.caFile);
  return {
    entry: { url, username: users.haproxyCheck.name, passwordFile: "/etc/es-failover/secrets/haproxy-check", caFile },
  };
}
