import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** This machine's Debian mirror, which also has the other Debian releases. */
export interface DebianMirror {
  /** Base URL of the archive, without a trailing slash. */
  readonly main: string;
  /** Base URL of the security archive; absent: the machine uses none. */
  readonly security?: string;
}

interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

/** Parses apt sources in the one-line format ("deb [options] URI suite components"). */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) sources.push({ uri: match[1], suite: match[2] });
  }
  return sources;
}

/** Parses apt sources in the deb822 format: stanzas of "Types:", "URIs:", "Suites:" fields. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const withoutComments = text.replaceAll(/^#.*\n?/gm, "");
  for (const stanza of withoutComments.split(/\n\s*\n/)) {
    // An indented line continues the field above it.
    const unfolded = stanza.replaceAll(/\n[ \t]+/g, " ");
    const field = (name: string): string[] => {
      const value = new RegExp(`^${name}:(.*)$`, "im").exec(unfolded)?.[1] ?? "";
      return value.split(/\s+/).filter((word) => word !== "");
    };
    if (!field("Types").includes("deb") || field("Enabled")[0]?.toLowerCase() === "no") continue;
    for (const uri of field("URIs")) for (const suite of field("Suites")) sources.push({ uri, suite });
  }
  return sources;
}

/** The Debian archives among the sources; undefined when there is none, as on another distribution. */
export function chooseDebianMirror(sources: readonly AptSource[]): DebianMirror | undefined {
  const base = (source: AptSource): string => source.uri.replace(/\/+$/, "");
  const overHttp = sources.filter((source) => /^https?:\/\//.test(source.uri));
  const main = overHttp.find((source) => /\/debian$/.test(base(source)) && !source.suite.includes("-security"));
  if (main === undefined) return undefined;
  const security = overHttp.find((source) => /\/debian-security$/.test(base(source)));
  return { main: base(main), ...(security === undefined ? {} : { security: base(security) }) };
}

/** The Debian mirror of the machine's apt settings. @throws Error with what to add when there is none */
export async function debianMirror(aptDirectory = "/etc/apt"): Promise<DebianMirror> {
  const sources: AptSource[] = [];
  const readIfThere = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");
  sources.push(...parseOneLineSources(await readIfThere(path.join(aptDirectory, "sources.list"))));
  const parts = path.join(aptDirectory, "sources.list.d");
  for (const name of (await readdir(parts).catch(() => [])).sort()) {
    const text = await readIfThere(path.join(parts, name));
    if (name.endsWith(".list")) sources.push(...parseOneLineSources(text));
    if (name.endsWith(".sources")) sources.push(...parseDeb822Sources(text));
  }
  const mirror = chooseDebianMirror(sources);
  if (mirror !== undefined) return mirror;
  throw new Error(
    `${aptDirectory}/sources.list and sources.list.d have no Debian mirror. The lab's hosts run Debian 13 and use this ` +
      "machine's mirror: add a line such as 'deb http://MIRROR/debian stable main'.",
  );
}
