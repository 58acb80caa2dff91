import type { FieldName, FileLayout } from "../../config/file-layout.ts";
import { type Endpoint, hostPort } from "../../core/endpoint-state.ts";

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
export function foundIn(value: (field: FieldName) => string | null): FoundEndpoint {
  const url = value("url");
  const parsed = url !== null && URL.canParse(url) ? new URL(url) : null;
  return {
    host: value("host") ?? parsed?.hostname.replace(/^\[(.*)\]$/, "$1") ?? null,
    port: wholeNumber(value("port") ?? parsed?.port ?? null, 65_535),
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

/** A value to write; null: none, a setting that the file has stays as it is. */
export type FieldValues = ReadonlyMap<FieldName, string | number>;

export function fieldValues(endpoint: FileEndpoint, { url }: Pick<FileLayout, "url">): FieldValues {
  const { host, port, region, epoch, caPath } = endpoint;
  const values = new Map<FieldName, string | number>([
    ["url", bytesOf(`${url.scheme}://${hostPort(endpoint)}${url.path}`)],
    ["host", host],
    ["port", port],
    ["region", region],
    ["epoch", epoch],
    ["phase", "serving"],
  ]);
  return caPath === undefined ? values : values.set("caPath", bytesOf(caPath));
}

/**
 * A file that has content but not the section may be of another format, which an added section would break.
 *
 * @param found completes "FILE …"
 */
export function withoutSection(found: string): Error {
  return new Error(`${found}; add it where the endpoint belongs, set create to add it, or use a template`);
}

/** A decimal whole number from 1 to `maximum`, else null. */
function wholeNumber(text: string | null, maximum: number): number | null {
  if (text === null || !/^\d{1,16}$/.test(text)) return null;
  const value = Number(text);
  return value >= 1 && value <= maximum ? value : null;
}

/** UTF-8 as latin1 text: a path may contain any character. */
export function bytesOf(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}
