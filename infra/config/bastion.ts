import { z } from "zod";
import { count, text } from "../../watchdog/config/values.ts";
import { parseIpv4 } from "../ipv4.ts";

/** A host's public key as a line of known_hosts has it. */
export const hostKeySchema = text(
  /^(ecdsa-sha2-nistp\d+|ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+=*$/,
  "a host's public key of SSH, such as ecdsa-sha2-nistp256 AAAA…, without a comment",
);

/** A user of a host, as a name that no shell and no configuration of SSH takes for anything else. */
export const sshUserSchema = text(/^[a-z_][a-z0-9_-]*$/, "a user's name, such as debian");

const anAddress = "an IPv4 address of the private network, such as 192.168.1.195";

/** The stack's key `bastion`. */
export const bastionSchema = z
  .strictObject(
    {
      host: text(
        /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$/,
        "an address or a DNS name, such as 203.0.113.10",
      ).describe("Address or name by which you, and Pulumi, reach it."),
      port: count(1, 65_535).default(22).describe("Port of SSH on it."),
      user: sshUserSchema.describe(
        "User on it who may forward TCP connections to the hosts, and logs in with `sshPublicKey`.",
      ),
      hostKey: hostKeySchema.describe("Its own key of SSH: the ECDSA one, where it has several."),
      privateIp: z
        .string(`write ${anAddress}`)
        .refine((value) => parseIpv4(value) !== undefined, `write ${anAddress}`)
        .meta({ value: anAddress })
        .describe(
          "Its address in the private network, from which alone the hosts then accept SSH: one that no host gets, such as " +
            "the 195th of the site's network.",
        ),
    },
    'write it as {"host": "203.0.113.10", "user": "jump", "hostKey": "ecdsa-sha2-nistp256 AAAA…", "privateIp": "192.168.1.195"}',
  )
  .nullable()
  .default(null)
  .describe(
    "A host of yours through which Pulumi, its commands and administrators reach this stack's hosts by SSH, at their private " +
      "addresses; `none`: SSH goes to the hosts directly, from `adminCidrs`. See docs/operations.md.",
  );

export type Bastion = NonNullable<z.output<typeof bastionSchema>>;
