import { present } from "../../util/present.ts";
import { optionalMap, optionalNumber, optionalText, text } from "../protocol/inputs.ts";
import type { Violation } from "../protocol/package.ts";
import { isMap, type PropertyMap } from "../protocol/values.ts";

/** An SSH server, as in the command package's `connection` and `connection.proxy`. */
export interface SshEndpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly privateKey?: string;
  readonly agentSocketPath?: string;
  /** Public key of the server. Absent: any key is accepted, as by the published provider. */
  readonly hostKey?: string;
  /** Failed dials before giving up; absent: no limit. */
  readonly dialErrorLimit?: number;
  /** Time-out of one dial; absent: none. */
  readonly perDialTimeoutSeconds?: number;
}

export interface Connection extends SshEndpoint {
  readonly proxy?: SshEndpoint;
}

/** Defaults of the command package 1.2.1. */
const defaults = { port: 22, user: "root", dialErrorLimit: 10, perDialTimeoutSeconds: 15 } as const;
const unlimitedDialErrors = -1;

/** Inputs of the package that the lab does not serve. */
const refused = ["password", "privateKeyPassword"] as const;

export function connectionViolations(inputs: PropertyMap): Violation[] {
  const { connection } = inputs;
  if (!isMap(connection)) return [];
  const endpoints: [string, PropertyMap][] = [["connection", connection]];
  if (isMap(connection["proxy"])) endpoints.push(["connection.proxy", connection["proxy"]]);
  return endpoints.flatMap(([where, endpoint]) =>
    endpointViolations(endpoint).map(([name, reason]) => ({ property: `${where}.${name}`, reason })),
  );
}

function endpointViolations(endpoint: PropertyMap): readonly (readonly [name: string, reason: string])[] {
  const wholeNumbers = ["port", "dialErrorLimit", "perDialTimeout"].filter((name) => {
    const value = endpoint[name];
    return typeof value === "number" && !Number.isInteger(value);
  });
  return [
    ...refused
      .filter((name) => (endpoint[name] ?? "") !== "")
      .map((name) => [name, "the lab's provider logs in with an unencrypted privateKey or an agent only"] as const),
    ...wholeNumbers.map((name) => [name, "must be a whole number"] as const),
    ...(endpoint["host"] === "" ? [["host", "names no host: the real provider would dial this machine"] as const] : []),
  ];
}

export function connectionOf(inputs: PropertyMap): Connection {
  const connection = optionalMap(inputs, "connection") ?? {};
  const proxy = optionalMap(connection, "proxy");
  return { ...endpointOf(connection), ...(proxy === undefined ? {} : { proxy: endpointOf(proxy) }) };
}

function endpointOf(fields: PropertyMap): SshEndpoint {
  const dialErrorLimit = optionalNumber(fields, "dialErrorLimit") ?? defaults.dialErrorLimit;
  const perDialTimeoutSeconds = optionalNumber(fields, "perDialTimeout") ?? defaults.perDialTimeoutSeconds;
  const optional = {
    privateKey: optionalText(fields, "privateKey"),
    agentSocketPath: optionalText(fields, "agentSocketPath"),
    hostKey: optionalText(fields, "hostKey"),
    dialErrorLimit: dialErrorLimit === unlimitedDialErrors ? undefined : dialErrorLimit,
    perDialTimeoutSeconds: perDialTimeoutSeconds === 0 ? undefined : perDialTimeoutSeconds,
  };
  return {
    host: text(fields, "host"),
    port: optionalNumber(fields, "port") ?? defaults.port,
    user: optionalText(fields, "user") ?? defaults.user,
    ...present(optional),
  };
}
