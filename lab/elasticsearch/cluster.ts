import type { CertificateAuthority } from "./certificates.ts";

export interface ClusterOptions {
  /** Cluster name, also its alias as a remote of other test clusters. */
  readonly name: string;
  /** Default 1. A node costs about 8 CPU seconds to start and 300 MB. */
  readonly nodes?: number;
  /** Additional settings of elasticsearch.yml, the same on every node. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Called with the configuration directory of each node, once it is complete and before the node starts. */
  readonly configure?: (directory: string) => Promise<void>;
  /** Additional Java options of each node. */
  readonly javaOptions?: readonly string[];
  /** Issues the node certificates; remotes of each other share one. Default: a new one. */
  readonly authority?: CertificateAuthority;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface RestOptions {
  readonly body?: unknown;
  /** Newline-delimited JSON for `_bulk`, sent unchanged. */
  readonly ndjson?: string;
  /** Default: the superuser `elastic`. */
  readonly as?: Credentials;
  /** Position of the node that gets the request. Default 0. */
  readonly node?: number;
  /** Default 30 000. */
  readonly timeoutMs?: number;
}

export interface RestResponse {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of the whole REST API
  readonly body: any;
}

/** Addresses and credentials of a test cluster. Plain data; the same after `restart`. */
export interface ClusterAddress {
  readonly name: string;
  /** `https://127.0.0.1:PORT` per node. */
  readonly urls: readonly string[];
  /** `127.0.0.1:PORT` of each node's transport layer, for remote-cluster seeds. */
  readonly transportAddresses: readonly string[];
  /** PEM of the certificate authority, as text and as a file. */
  readonly ca: string;
  readonly caFile: string;
  /** The superuser. */
  readonly elastic: Credentials;
}

/** What a test may do to the nodes of a cluster. */
export interface NodeControl {
  /** SIGKILL to all nodes, or to one. */
  kill(node?: number): Promise<void>;
  /** Ends all nodes cleanly (SIGTERM). */
  shutDown(): Promise<void>;
  /** SIGSTOP to all nodes: connections stay open, without answers. */
  freeze(): Promise<void>;
  /** SIGCONT to all nodes. */
  thaw(): Promise<void>;
  /**
   * Restarts all nodes with the same data and ports, and waits until the cluster serves.
   *
   * @param health minimum health of the indices to wait for; default: yellow. any: until a node answers, if only with a
   *   refusal
   */
  restart(health?: "any" | "red" | "yellow"): Promise<void>;
  /** Sets a secure setting that needs no restart, such as `cluster.remote.<alias>.credentials`. */
  setSecret(name: string, value: string): Promise<void>;
}

/** A real Elasticsearch cluster on loopback: TLS on both layers, security on, trial licence, its own ports. */
export interface TestCluster extends ClusterAddress, NodeControl {
  /** Sends a REST request. Resolves to an answer of any status; rejects on a failed connection or a time-out. */
  rest(method: string, pathAndQuery: string, options?: RestOptions): Promise<RestResponse>;
  /** Like `rest`, but returns the body, and rejects with the answer unless its status is 2xx. */
  // biome-ignore lint/suspicious/noExplicitAny: see RestResponse
  call(method: string, pathAndQuery: string, options?: RestOptions): Promise<any>;
  /** Registers `other` as the remote `other.name` (certificate model, sniff mode) and waits until it is connected. */
  connectRemote(other: ClusterAddress): Promise<void>;
  /** Ends all nodes and removes their files. */
  stop(): Promise<void>;
}
