import { z } from "zod";
import { absolutePath, listenAddress } from "./values.ts";

/** The section of the metrics' listener. */
export const metricsSchema = z.strictObject({
  listen: listenAddress.describe("Address and port to listen on."),
  certificateFile: absolutePath
    .nullable()
    .default(null)
    .describe("PEM file of a certificate for that address; `null`, with `keyFile`: HTTP, on loopback only."),
  keyFile: absolutePath.nullable().default(null).describe("PEM file of the certificate's private key."),
  clientCaFile: absolutePath
    .nullable()
    .default(null)
    .describe(
      "PEM file of a CA: a client without a certificate of it is refused. `null`: every client that reaches the address is " +
        "answered.",
    ),
});

export type MetricsSettings = z.output<typeof metricsSchema>;
