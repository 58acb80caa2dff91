import {
  bytesOf,
  type EndpointFormat,
  type FileEndpoint,
  type FoundEndpoint,
  foundIn,
  joinLines,
  type Line,
  lineEndOf,
  linesOf,
  type Rendered,
} from "./format.ts";

/** Variables of the endpoint, in the order of insertion. */
const NAMES = ["HOST", "PORT", "REGION", "CA_PATH", "EPOCH"] as const;
type Name = (typeof NAMES)[number];

export const env: EndpointFormat = { read: readEnv, render: renderEnv };

function readEnv(text: string): FoundEndpoint {
  const found = new Map<string, string>();
  // For shells and systemd alike the last assignment counts.
  for (const setting of settingsOf(linesOf(text))) {
    if (setting !== null) found.set(setting.name.toLowerCase(), setting.value);
  }
  return foundIn((member) => unquoted(found.get(member) ?? null));
}

/** For systemd's `EnvironmentFile=` and for `. file` in a shell. */
export function renderEnv(text: string, endpoint: FileEndpoint): Rendered {
  const values = valuesOf(endpoint);
  const lines = linesOf(text);
  const settings = settingsOf(lines);
  const end = lineEndOf(lines);
  const seen = new Set<Name>();
  const result: Line[] = [];
  lines.forEach((line, position) => {
    const setting = settings[position] ?? null;
    if (setting === null) result.push(line);
    else if (!seen.has(setting.name)) {
      seen.add(setting.name);
      const value = values.get(setting.name);
      const stays = value === undefined || value === setting.value;
      result.push(stays ? line : { text: setting.before + value, end: line.end });
    }
  });
  for (const name of NAMES) {
    const value = values.get(name);
    if (value !== undefined && !seen.has(name)) result.push({ text: `ELASTICSEARCH_${name}=${value}`, end });
  }
  return { text: joinLines(result, end), warnings: [] };
}

function valuesOf({ host, port, region, epoch, caPath }: FileEndpoint): ReadonlyMap<Name, string> {
  const values = new Map<Name, string>([
    ["HOST", host],
    ["PORT", String(port)],
    ["REGION", region],
    ["EPOCH", String(epoch)],
  ]);
  if (caPath !== undefined) values.set("CA_PATH", `"${bytesOf(caPath).replaceAll(/["\\$`]/g, "\\$&")}"`);
  return values;
}

interface Setting {
  readonly name: Name;
  /** The text before the value: `ELASTICSEARCH_HOST=`, perhaps after `export`. */
  readonly before: string;
  readonly value: string;
}

/** A line after a backslash at a line end continues that line and is not a setting. */
function settingsOf(lines: readonly Line[]): readonly (Setting | null)[] {
  let continues = false;
  return lines.map(({ text }) => {
    const isContinuation = continues;
    continues = /(^|[^\\])(\\\\)*\\$/.test(text) && !/^\s*[#;]/.test(text);
    if (isContinuation) return null;
    const match = /^(\s*(?:export\s+)?ELASTICSEARCH_(HOST|PORT|REGION|CA_PATH|EPOCH)=)(.*?)\s*$/.exec(text);
    const [, before, suffix, value] = match ?? [];
    const name = NAMES.find((candidate) => candidate === suffix);
    if (name === undefined || before === undefined || value === undefined) return null;
    return { name, before, value };
  });
}

function unquoted(value: string | null): string | null {
  return value === null ? null : value.replace(/^(["'])(.*)\1$/, "$2");
}
