/** Parsers of the replies of HAProxy's command line: text for people, with a stable layout. */

/** One line of `show map`: `0x55d1c8 gra 1790000000000`. */
export function parseMap(reply: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const line of reply.split("\n")) {
    const [, key, value] = /^0x[0-9a-f]+ (\S+) (.*)$/.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) entries.set(key, value);
  }
  return entries;
}

/** `New version created: 3`, the answer to `prepare map`. */
export function parsePreparedVersion(reply: string): number | null {
  const version = /New version created: (\d+)/.exec(reply)?.[1];
  return version === undefined ? null : Number(version);
}

/**
 * A line of `get var`: `proc.es_last_write_gra: type=sint value=<1790000000000>`. One that was never set has another type, and
 * is left out.
 */
export function parseNumbers(reply: string): ReadonlyMap<string, number> {
  const lines = reply.matchAll(/^(\S+): type=sint value=<(\d+)>$/gm);
  return new Map([...lines].map(([, name = "", value]) => [name, Number(value)]));
}

export interface ServerLine {
  readonly backend: string;
  readonly name: string;
  readonly up: boolean;
}

/** Operational state 2 of `show servers state`: SRV_ST_RUNNING (management.txt, "show servers state"). */
const RUNNING = "2";

/** `show servers state`: a version line, a header that names the columns, a line per server. */
export function parseServers(reply: string): readonly ServerLine[] {
  const lines = reply.split("\n").map((line) => line.trim());
  const header = lines.find((line) => line.startsWith("# "));
  if (header === undefined) return [];
  const columns = header.slice(2).split(" ");
  const column = (fields: readonly string[], name: string): string => fields[columns.indexOf(name)] ?? "";
  return lines
    .filter((line) => /^\d+ \S+ \d+ /.test(line))
    .map((line) => line.split(" "))
    .map((fields) => ({
      backend: column(fields, "be_name"),
      name: column(fields, "srv_name"),
      up: column(fields, "srv_op_state") === RUNNING,
    }));
}

/** `show sess`: a line per session, `0x7f0c…: proto=tcpv4 src=… fe=es be=es_gra srv=gra-es-1 …`. */
export function parseSessions(reply: string): readonly { readonly id: string; readonly backend: string }[] {
  return reply.split("\n").flatMap((line) => {
    const [, id, backend] = /^(0x[0-9a-f]+): .*?\bbe=(\S+)/.exec(line) ?? [];
    return id === undefined || backend === undefined ? [] : [{ id, backend }];
  });
}

export interface WorkerProcesses {
  /** Process id of the worker that accepts connections; null while there is none. */
  readonly current: number | null;
  /** Workers from before a reload that finish their sessions. */
  readonly old: readonly number[];
}

/** `show proc` of the master: a section for the present processes, then `# old workers`. */
export function parseProcesses(reply: string): WorkerProcesses {
  let old = false;
  let current: number | null = null;
  const oldPids: number[] = [];
  for (const line of reply.split("\n")) {
    if (line.startsWith("# ")) old = line.startsWith("# old");
    const pid = /^(\d+)\s+worker\b/.exec(line)?.[1];
    if (pid === undefined) continue;
    if (old) oldPids.push(Number(pid));
    else current = Number(pid);
  }
  return { current, old: oldPids };
}

/** The master's reply to `reload`: `Success=1` or `Success=0`, then the start-up messages. */
export function parseReload(reply: string): { readonly succeeded: boolean; readonly messages: string } {
  const succeeded = /^Success=1/m.test(reply);
  const messages = reply.replace(/^Success=\d\s*/m, "").replace(/^--\s*/m, "");
  return { succeeded, messages: messages.trim() };
}
