import { z } from "zod";

/**
 * Values that several sections use. A message completes "KEY is VALUE: …" and states what to write; `value` and `unit`
 * carry the same into the reference of keys.
 */

/** Text that matches a pattern. `what` names such a text with its article. */
export function text(pattern: RegExp, what: string): z.ZodString {
  return z.string(`write ${what}`).regex(pattern, `write ${what}`).meta({ value: what });
}

/** A whole number from `least` to `most`. */
export function count(least: number, most = Number.MAX_SAFE_INTEGER): z.ZodInt {
  const bounds =
    most === Number.MAX_SAFE_INTEGER ? `write a number from ${least} on` : `write a number from ${least} to ${most}`;
  return z.int("write a whole number").min(least, bounds).max(most, bounds);
}

export const durationMs = z
  .int("write a whole number of milliseconds")
  .positive("write a number of milliseconds above 0")
  .meta({ unit: "ms" });

/** A duration that may be 0, which switches off what it delays. */
export const delayMs = z
  .int("write a whole number of milliseconds")
  .min(0, "write 0 or a number of milliseconds above it")
  .meta({ unit: "ms" });

/** The name of a site. `what` names the site that is meant. */
export const nameOf = (what: string): z.ZodString => text(/^[a-z][a-z0-9-]{0,30}$/, what);
export const regionName = nameOf("a name of lower-case letters, digits and hyphens, such as gra");

/** Some paths are written into other programs' files, so none may end a line or a quoted text. */
export const absolutePath = text(/^\/[^\p{Cc}"]*$/u, "an absolute path without control characters and quotes").meta({
  value: "an absolute path",
});

export const httpsUrl = z.url({ protocol: /^https$/, error: "write an https URL" }).meta({ value: "an https URL" });
export const httpUrl = z
  .url({ protocol: /^https?$/, error: "write an http or https URL" })
  .meta({ value: "an http or https URL" });

export const listenAddress = text(/^\S+:\d{1,5}$/, "an address and a port, such as 192.168.1.20:9443");

export const username = z.string("write a user's name").min(1, "write a user's name");

export const logLevel = z
  .enum(["debug", "info", "warn", "error"])
  .default("info")
  .describe("Least severe level that is logged.");

/** An `https` endpoint's or a client's certificate, its key, and the authority that signed the other side's. */
export const tlsFiles = {
  caFile: absolutePath.describe("PEM file of the CA that signed the other side's certificates."),
  certificateFile: absolutePath.describe("PEM file of the own certificate."),
  keyFile: absolutePath.describe("PEM file of the own certificate's private key."),
};

export const OTHER_PASSWORD =
  "During a rotation a second line holds the other one that may be valid: it is tried where the first is refused.";

/** How a client reaches etcd. */
export const etcdAccess = {
  endpoints: z
    .array(httpsUrl)
    .min(1, "name at least one member")
    .describe("Client URLs of the members, the nearest one first."),
  ...tlsFiles,
  certificateFile: absolutePath.describe(
    "PEM file of the client certificate. Its subject has no common name: etcd's gateway refuses one that has.",
  ),
  username: username.describe("User of etcd."),
  passwordFile: absolutePath.describe(`File that holds that user's password and nothing else. ${OTHER_PASSWORD}`),
};

export const etcdPrefix = text(/^\/.*\/$/, "a prefix that begins and ends with a slash");
