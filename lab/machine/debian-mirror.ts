import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Where this machine takes its Debian packages from. The same mirror serves the other Debian releases, too. */
export interface DebianMirror {
  /** Base address of the archive, without a slash at the end. */
  readonly main: string;
  /** Base address of the security archive, when the machine uses one. */
  readonly security?: string;
}

interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

/** Reads apt sources in the one-line format ("deb [options] URI suite components"). */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) sources.push({ uri: match[1], suite: match[2] });
  }
  return sources;
}

/** Reads apt sources in the deb822 format: stanzas of "Types:", "URIs:", "Suites:" fields. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const withoutComments = text.replaceAll(/^#.*\n?/gm, "");
  for (const stanza of withoutComments.split(/\n\s*\n/)) {
    // A line that begins with a blank continues the field above it.
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

/** The Debian archives among the sources; undefined when there is none (the machine may run something else). */
export function chooseDebianMirror(sources: readonly AptSource[]): DebianMirror | undefined {
  const base = (source: AptSource): string => source.uri.replace(/\/+$/, "");
  const overHttp = sources.filter((source) => /^https?:\/\//.test(source.uri));
  const main = overHttp.find((source) => /\/debian$/.test(base(source)) && !source.suite.includes("-security"));
  if (main === undefined) return undefined;
  const security = overHttp.find((source) => /\/debian-security$/.test(base(source)));
  return { main: base(main), ...(security === undefined ? {} : { security: base(security) }) };
}

/** Finds the Debian mirror in the machine's own apt settings. */
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
    `No Debian mirror stands in ${aptDirectory}/sources.list or sources.list.d. The lab's hosts run Debian 13 and take ` +
      "their packages from where this machine takes its own: add a line such as 'deb http://MIRROR/debian stable main'.",
  );
}
