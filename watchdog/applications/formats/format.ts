import type { Endpoint } from "../../core/endpoint-state.ts";

/** The endpoint as written into a file. */
export interface FileEndpoint extends Endpoint {
  /** Absolute path of the CA certificate on the application's host; absent: the file keeps its own. */
  readonly caPath?: string;
}

/** The endpoint as read from a file; null: missing or invalid. */
export interface FoundEndpoint {
  readonly host: string | null;
  readonly port: number | null;
  readonly region: string | null;
  readonly epoch: number | null;
}

/** Reads each field from the text of its setting; null: the setting is missing. */
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
  /** Content that an application may reject, although the endpoint is right. */
  readonly warnings: readonly string[];
}

/** A format of files that contain an endpoint and other content. Texts are latin1, one character per byte. */
export interface EndpointFormat {
  read(text: string): FoundEndpoint;
  /**
   * The text with the endpoint set, and all other content unchanged byte for byte.
   *
   * @throws Error when the text cannot be edited safely
   */
  render(text: string, endpoint: FileEndpoint): Rendered;
}

/** A decimal whole number from 1 to `maximum`, else null. */
function wholeNumber(text: string | null, maximum: number): number | null {
  if (text === null || !/^\d{1,16}$/.test(text)) return null;
  const value = Number(text);
  return value >= 1 && value <= maximum ? value : null;
}

/** A line with its line end, so that joining restores the text. */
export interface Line {
  readonly text: string;
  /** "\n", "\r\n", or "" for a last line without one. */
  readonly end: string;
}

export function linesOf(text: string): readonly Line[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((raw) => {
    const end = raw.endsWith("\r\n") ? "\r\n" : raw.endsWith("\n") ? "\n" : "";
    return { text: raw.slice(0, raw.length - end.length), end };
  });
}

/** The line end of the first line, for added lines. */
export function lineEndOf(lines: readonly Line[]): string {
  return lines[0]?.end === "\r\n" ? "\r\n" : "\n";
}

/** Joins lines; adds a line end to the last one, because readers take a line without one for incomplete. */
export function joinLines(lines: readonly Line[], end: string): string {
  return lines.map((line) => line.text + (line.end === "" ? end : line.end)).join("");
}

/** UTF-8 as latin1 text: a path may contain any character. */
export function bytesOf(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}
