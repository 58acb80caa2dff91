import type { CertificateAuthority } from "./certificates.ts";

export interface ClusterOptions {
  /** Cluster name, which is also the alias under which other test clusters know it. */
  readonly name: string;
  /** Default 1. A node costs about 8 CPU seconds to start and 300 MB. */
  readonly nodes?: number;
  /** More lines for elasticsearch.yml, the same on every node. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** More options for each node's Java. */
  readonly javaOptions?: readonly string[];
  /** Issues the node certificates. Clusters that are each other's remotes share one. Default: a new one. */
  readonly authority?: CertificateAuthority;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface RestOptions {
  readonly body?: unknown;
  /** Newline-delimited JSON for `_bulk`, sent as it is. */
  readonly ndjson?: string;
  /** Default: the superuser `elastic`. */
  readonly as?: Credentials;
  /** Index of the node that is asked. Default 0. */
  readonly node?: number;
  /** Default 30 000. */
  readonly timeoutMs?: number;
}

export interface RestResponse {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the REST API answers
  readonly body: any;
}

/** A real Elasticsearch cluster on loopback: TLS on both layers, security on, trial licence, ports of its own. */
export interface TestCluster {
  readonly name: string;
  /** `https://127.0.0.1:PORT` per node; the same after `restart`. */
  readonly urls: readonly string[];
  /** `127.0.0.1:PORT` of each node's transport layer, for remote-cluster seeds. */
  readonly transportAddresses: readonly string[];
  /** PEM of the certificate authority, as text and as a file. */
  readonly ca: string;
  readonly caFile: string;
  /** The superuser. */
  readonly elastic: Credentials;
  /** One REST call. Answers of any status resolve; only a failed connection or a timeout rejects. */
  rest(method: string, pathAndQuery: string, options?: RestOptions): Promise<RestResponse>;
  /** Like `rest`, but rejects, with what Elasticsearch said, unless the status is 2xx. Returns the body. */
  // biome-ignore lint/suspicious/noExplicitAny: see RestResponse
  call(method: string, pathAndQuery: string, options?: RestOptions): Promise<any>;
  /** Makes `other` known to this cluster as the remote named `other.name` (certificate model, sniff mode). */
  connectRemote(other: TestCluster): Promise<void>;
  /** SIGKILL to all nodes, or to one. */
  kill(node?: number): Promise<void>;
  /** Ends all nodes cleanly (SIGTERM). */
  shutDown(): Promise<void>;
  /** SIGSTOP to all nodes: connections stay open, nothing answers. */
  freeze(): void;
  /** SIGCONT to all nodes. */
  thaw(): void;
  /** Starts what was killed or is running again with the same data and ports, and waits until it serves. */
  restart(): Promise<void>;
  /** Ends all nodes and removes their files. */
  stop(): Promise<void>;
}
