import type { RestCluster } from "./ccr-pair.ts";

export interface StreamState {
  /** Backing indices; the last one takes the writes. */
  readonly indices: readonly string[];
  readonly replicated: boolean;
  /** Name of the index template that matches it. */
  readonly template: string | undefined;
  readonly failureIndices: readonly string[];
}

/** Puts an index template of data streams with the names that it is given. */
export async function putStreamTemplate(
  cluster: RestCluster,
  template: string,
  patterns: readonly string[],
  settings: object = {},
  options: object = {},
): Promise<void> {
  const body = {
    index_patterns: patterns,
    data_stream: {},
    priority: 500,
    template: { settings: { number_of_replicas: 0, ...settings }, ...options },
  };
  await cluster.call("PUT", `/_index_template/${template}`, { body });
}

/** null where there is no such data stream. */
export async function streamOf(cluster: RestCluster, name: string): Promise<StreamState | null> {
  const { status, body } = await cluster.rest("GET", `/_data_stream/${name}?expand_wildcards=all`);
  if (status === 404) return null;
  const { indices, replicated, template, failure_store: failureStore } = body.data_streams[0];
  const namesIn = (list: readonly { readonly index_name: string }[] = []) => list.map(({ index_name }) => index_name);
  return {
    indices: namesIn(indices),
    replicated: replicated === true,
    template,
    failureIndices: namesIn(failureStore?.indices),
  };
}

/** The index that takes what is written to the stream. */
export async function writeIndexOf(cluster: RestCluster, name: string): Promise<string> {
  const index = (await streamOf(cluster, name))?.indices.at(-1);
  if (index === undefined) throw new Error(`no data stream ${name}`);
  return index;
}

/** Writes one document through the stream, and returns the name of the index that took it. */
export async function append(cluster: RestCluster, stream: string, id: string): Promise<string> {
  const body = { "@timestamp": "2026-01-01T00:00:00Z", id };
  return (await cluster.call("PUT", `/${stream}/_create/${id}?refresh=true`, { body }))._index;
}
