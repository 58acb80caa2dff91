import type { PackageSource } from "../config/schema.ts";
import type { HostFile } from "../provision/remote.ts";

export const keyringFile = "/usr/share/keyrings/es-failover-elasticsearch.asc";

/** Where apt finds Elasticsearch, and the version that it may install. */
export function packageFiles(source: PackageSource, version: string): HostFile[] {
  return [
    { path: "/etc/apt/sources.list.d/elasticsearch.sources", content: aptSource(source), mode: "0644" },
    { path: "/etc/apt/preferences.d/elasticsearch", content: aptPin(version), mode: "0644" },
  ];
}

/** Packages from this source must carry the pinned key's signature. */
export function aptSource(source: PackageSource): string {
  return `# Rendered by \`pulumi up\`.
Types: deb
URIs: ${source.url}
Suites: ${source.suite}
Components: ${source.component}
Signed-By: ${keyringFile}
`;
}

/** No unattended upgrade moves a node to another version. */
export function aptPin(version: string): string {
  return `# Rendered by \`pulumi up\`.
Package: elasticsearch
Pin: version ${version}
Pin-Priority: 1001
`;
}
