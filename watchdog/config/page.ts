import { z } from "zod";
import { hostSchema, portSchema } from "./address.ts";
import { absolutePath, username } from "./values.ts";

/** The section of the status page. */

export const PAGE_PORT = 9445;

/** The user of the page where no other is named. */
export const DEFAULT_PAGE_USER = "operator";

const authentication = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("certificate").describe("`certificate`: mutual TLS."),
      clientCaFile: absolutePath.describe("PEM file of a CA: a browser without a certificate of it is refused."),
    }),
    z.strictObject({
      kind: z.literal("password").describe("`password`: a user and a password, by HTTP's basic authentication."),
      username: username.default(DEFAULT_PAGE_USER).describe("User of the page."),
      passwordFile: absolutePath.describe(
        "File that holds that user's password and nothing else; closed to other users. During a rotation a second line holds " +
          "another one that is valid too.",
      ),
    }),
    z.strictObject({
      kind: z
        .literal("proxy")
        .describe("`proxy`: none here. A proxy on this host, or SSH for a tunnel, has authenticated the reader."),
      hosts: z
        .array(hostSchema)
        .default([])
        .describe(
          "Names under which the proxy forwards requests. Besides them only names of this host's loopback are answered, so " +
            "that no website can make a browser behind a tunnel read the page under a name of its own.",
        ),
    }),
  ])
  .describe("Who may read the page.");

export const pageSchema = z.strictObject({
  address: hostSchema.default("127.0.0.1").describe("Address to listen on; with `proxy` a loopback address."),
  port: portSchema.default(PAGE_PORT).describe("TCP port to listen on."),
  authentication,
  certificateFile: absolutePath
    .nullable()
    .default(null)
    .describe(
      "PEM file of a certificate for the names that browsers use; `null`, with `keyFile`: HTTP, on loopback only.",
    ),
  keyFile: absolutePath.nullable().default(null).describe("PEM file of the certificate's private key."),
});

export type PageSettings = z.output<typeof pageSchema>;

/** For `listenOn`: an IPv6 address in brackets. */
export const listenOf = ({ address, port }: Pick<PageSettings, "address" | "port">): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
