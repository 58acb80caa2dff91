import { z } from "zod";
import { text } from "./values.ts";

/** A region's short name as in the configuration: "gra", "bhs". */
export type RegionName = string;

/** The site that holds no data and breaks ties between the two regions. No region may have this name. */
export const witnessName = "witness";

/** A DNS name, an IPv4 address, or an IPv6 address without brackets; no scheme, no port. */
export const hostSchema = text(
  /^(?:[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45})$/,
  "a DNS name or an address, without scheme and port",
);
export const portSchema = z
  .number("write a port number")
  .int("write a port number")
  .min(1, "write a number from 1 to 65535")
  .max(65_535, "write a number from 1 to 65535");
export const regionSchema = text(/^[A-Za-z0-9_-]{1,63}$/, "1 to 63 letters, digits, hyphens and underscores");
export const epochSchema = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Where applications reach a region. */
export const addressSchema = z.strictObject({
  host: hostSchema.describe("DNS name or address."),
  port: portSchema.describe("TCP port."),
});
export type Address = z.output<typeof addressSchema>;
export type Addresses = Readonly<Record<RegionName, Address>>;
