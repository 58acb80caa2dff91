import type { CommandOutcome } from "../util/run.ts";

/** A request by curl, which gets all of it by standard input: every user of a host can read arguments. */
export interface CurlRequest {
  readonly url: string;
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly user?: { readonly name: string; readonly password: string };
  /** JSON to send. */
  readonly body?: unknown;
  /** PEM file on curl's host with the CA of the server's certificate. */
  readonly caFile: string;
  /** PEM files on curl's host with a client certificate. */
  readonly client?: { readonly certificateFile: string; readonly keyFile: string };
}

export interface CurlAnswer {
  /** curl's exit status: 0 for an answer of any HTTP status, 60 for an untrusted certificate. */
  readonly exitCode: number;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly body: string;
  /** curl's error message. */
  readonly error: string;
}

/** Runs a program with an input on some host. */
export type RunWithInput = (argv: readonly string[], input: string) => Promise<CommandOutcome>;

/** Sends a request by curl, which verifies the server's certificate, with a time-out of 10 s. */
export async function curl(run: RunWithInput, request: CurlRequest): Promise<CurlAnswer> {
  const { exitCode, stdout, stderr } = await run(["curl", "--config", "-"], curlConfig(request));
  const end = stdout.lastIndexOf("\n");
  return { exitCode, status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end), error: stderr.trim() };
}

function curlConfig({ url, method = "GET", user, body, caFile, client }: CurlRequest): string {
  const settings: [string, string][] = [
    ["url", url],
    ["request", method],
    ["cacert", caFile],
    ["max-time", "10"],
    ["write-out", "\n%{http_code}"],
  ];
  if (user !== undefined) settings.push(["user", `${user.name}:${user.password}`]);
  if (client !== undefined) settings.push(["cert", client.certificateFile], ["key", client.keyFile]);
  if (body !== undefined) settings.push(["header", "content-type: application/json"], ["data", JSON.stringify(body)]);
  return ["silent", "show-error", ...settings.map(([name, value]) => `${name} = ${quoted(value)}`), ""].join("\n");
}

function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
