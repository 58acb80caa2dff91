import type { PackageSource } from "../config/schema.ts";

export const keyringFile = "/usr/share/keyrings/es-failover-elasticsearch.asc";

/** /etc/apt/sources.list.d/elasticsearch.sources: packages from there must bear the pinned key's signature. */
export function aptSource(source: PackageSource): string {
  return `# Rendered by \`pulumi up\`.
Types: deb
URIs: ${source.url}
Suites: ${source.suite}
Components: ${source.component}
Signed-By: ${keyringFile}
`;
}

/** /etc/apt/preferences.d/elasticsearch: no unattended upgrade ever moves a node to another version. */
export function aptPin(version: string): string {
  return `# Rendered by \`pulumi up\`.
Package: elasticsearch
Pin: version ${version}
Pin-Priority: 1001
`;
}
