import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { ClusterClient } from "../../../../lab/elasticsearch/cluster-client.ts";
import { messageOf } from "../../../../watchdog/util/errors.ts";

/** Two clusters that are not the lab's. */
export interface ForeignClusters {
  /** Gets the leader indices. */
  readonly leader: ClusterClient;
  /** Gets the followers. */
  readonly follower: ClusterClient;
  /** Alias under which the follower's cluster knows the leader's. */
  readonly remote: string;
}

const httpsUrl = z.url({ protocol: /^https$/, error: "write the address of a node, such as https://10.0.1.5:9200" });
const text = z.string({ error: "is missing" }).min(1, { error: "is empty" });
const endpoint = z.strictObject({
  url: httpsUrl,
  /** PEM of the CA that signed the nodes' HTTP certificates. */
  caFile: text,
  user: text,
  passwordFile: text,
});
const contractFile = z.strictObject({ leader: endpoint, follower: endpoint, remote: text });
type Endpoint = z.infer<typeof endpoint>;

/**
 * The clusters that a file names; nothing is asked of them yet.
 *
 * @throws Error that names the file, the key and what is wrong
 */
export function readContractFile(file: string): ForeignClusters {
  const parsed = contractFile.safeParse(parseJson(read(file, "ES_FAILOVER_CCR_CONTRACT"), file));
  if (!parsed.success) {
    const violations = parsed.error.issues.map(
      ({ path: key, message }) => `${key.join(".") || "the file"}: ${message}`,
    );
    throw new Error(`${file} is not valid:\n  ${violations.join("\n  ")}`);
  }
  const { leader, follower, remote } = parsed.data;
  return { leader: clusterOf("leader", leader, file), follower: clusterOf("follower", follower, file), remote };
}

function clusterOf(name: "leader" | "follower", { url, caFile, user, passwordFile }: Endpoint, file: string) {
  const at = (name: string) => path.resolve(path.dirname(file), name);
  const password = read(at(passwordFile), `${name}.passwordFile of ${file}`).trim();
  return new ClusterClient({
    name,
    urls: [url.replace(/\/$/, "")],
    transportAddresses: [],
    ca: read(at(caFile), `${name}.caFile of ${file}`),
    caFile: at(caFile),
    elastic: { username: user, password },
  });
}

function read(file: string, namedBy: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${namedBy} names ${file}, which cannot be read: ${messageOf(error)}`);
  }
}

function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new Error(`${file} is not JSON: ${messageOf(error)}`);
  }
}
