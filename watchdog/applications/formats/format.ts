import type { Endpoint } from "../../core/endpoint-state.ts";

/** What is written into a file. */
export interface FileEndpoint extends Endpoint {
  /** Absolute path of the CA's certificate on the application's host; left out: one that stands there stays. */
  readonly caPath?: string;
}

/** What a file says now: null for what is missing or makes no sense. */
export interface FoundEndpoint {
  readonly host: string | null;
  readonly port: number | null;
  readonly region: string | null;
  readonly epoch: number | null;
}

/** What texts of settings say, by the name that each member of an endpoint has; null for one that is not there. */
export function foundIn(value: (member: keyof FoundEndpoint) => string | null): FoundEndpoint {
  return {
    host: value("host"),
    port: wholeNumber(value("port"), 65_535),
    region: value("region"),
    epoch: wholeNumber(value("epoch"), Number.MAX_SAFE_INTEGER),
  };
}

export interface Rendered {
  readonly text: string;
  /** What an application may stumble over although the endpoint is right. */
  readonly warnings: readonly string[];
}

/** A file that holds an endpoint among content of others. Texts hold a byte per character (latin1): none is changed. */
export interface EndpointFormat {
  read(text: string): FoundEndpoint;
  /**
   * The text with the endpoint in it, everything of others' in place, byte for byte.
   *
   * @throws Error when the text cannot be edited without doing harm
   */
  render(text: string, endpoint: FileEndpoint): Rendered;
}

/** A whole number from 1 in decimal, as readers take it; else null. */
function wholeNumber(text: string | null, most: number): number | null {
  if (text === null || !/^\d{1,16}$/.test(text)) return null;
  const value = Number(text);
  return value >= 1 && value <= most ? value : null;
}

/** A line with its end, so that nothing is lost when lines are put together again. */
export interface Line {
  readonly text: string;
  /** "\n", "\r\n", or "" for a last line that has none. */
  readonly end: string;
}

export function linesOf(text: string): readonly Line[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((raw) => {
    const end = raw.endsWith("\r\n") ? "\r\n" : raw.endsWith("\n") ? "\n" : "";
    return { text: raw.slice(0, raw.length - end.length), end };
  });
}

/** The file's own way to end lines, taken from its first line. */
export function lineEndOf(lines: readonly Line[]): string {
  return lines[0]?.end === "\r\n" ? "\r\n" : "\n";
}

/** Puts lines together; a last line without an end gets one, as readers take it for cut off. */
export function joinLines(lines: readonly Line[], end: string): string {
  return lines.map((line) => line.text + (line.end === "" ? end : line.end)).join("");
}

/** As a text of bytes: a path may hold any character. */
export function bytesOf(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}
