/** What a platform may fix for its hosts, so that provisioning cannot change it: keys of the kernel, and what check-host.py checks. */
export const fixableSettings = [
  "vm.max_map_count",
  "net.ipv4.tcp_retries2",
  "net.core.somaxconn",
  "net.ipv4.tcp_max_syn_backlog",
  "openFiles",
  "swap",
  "clock",
] as const;

export type FixableSetting = (typeof fixableSettings)[number];
