import { isObject, type ResourceRule, textOf, types } from "../model.ts";

interface RenderedFile {
  readonly path: string;
  readonly content: string;
}

/** Files that a command installs, as install-files.py and the scripts around it read them. */
function filesIn(stdin: string | undefined): readonly RenderedFile[] {
  let input: unknown;
  try {
    input = JSON.parse(stdin ?? "");
  } catch {
    return [];
  }
  const files = isObject(input) && Array.isArray(input["files"]) ? input["files"] : [];
  return files
    .filter(isObject)
    .flatMap(({ path, content }) =>
      typeof path === "string" && typeof content === "string" ? [{ path, content }] : [],
    );
}

/** What secures both ends of a connection by API key. */
const remoteClusterTls = [
  "xpack.security.remote_cluster_server.ssl.enabled",
  "xpack.security.remote_cluster_client.ssl.enabled",
];

/** Lines of a service's configuration that would speak without TLS on the network. */
function plaintextIn({ path, content }: RenderedFile): readonly string[] {
  const lines = content.split("\n").map((line) => line.trim());
  if (path.includes("haproxy")) {
    const isLocal = (line: string) => line.includes("127.0.0.1") || line.includes("unix@");
    return lines.filter((line) => /^bind\s/.test(line) && !/\sssl\s/.test(line) && !isLocal(line));
  }
  if (path.endsWith("/elasticsearch.yml")) {
    const required = [
      "xpack.security.enabled",
      "xpack.security.http.ssl.enabled",
      "xpack.security.transport.ssl.enabled",
    ];
    const keyed = lines.includes("remote_cluster_server.enabled: true") ? remoteClusterTls : [];
    return [...required, ...keyed].map((key) => `${key}: true`).filter((line) => !lines.includes(line));
  }
  if (path.startsWith("/etc/default/prometheus")) {
    // Without an address they listen on all.
    const isClosed = (line: string) => /--web\.(config\.file=|listen-address=127\.0\.0\.1:)/.test(line);
    return lines.filter((line) => line.startsWith("ARGS=") && !isClosed(line));
  }
  if (path.includes("/etcd")) return lines.filter((line) => /^ETCD_\w*URLS=.*http:/.test(line));
  return [];
}

export const noPlaintextService: ResourceRule = {
  id: "no-plaintext-service",
  purpose:
    "HAProxy, Elasticsearch, etcd and the exporters are configured with TLS on every address but the host's own.",
  types: [types.command],
  check: (resource) =>
    filesIn(textOf(resource, "stdin")).flatMap((file) => {
      const among = plaintextIn(file);
      if (among.length === 0) return [];
      const what = file.path.endsWith(".yml") ? "lacks" : "has";
      return [
        `${file.path}, which ${resource.name} writes, ${what} \`${among.join("`, `")}\`: every listener needs TLS.`,
      ];
    }),
};
