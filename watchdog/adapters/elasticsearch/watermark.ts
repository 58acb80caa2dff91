/** A node's data path as `_nodes/stats/fs` shows it. */
export interface FileSystem {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1024,
  mb: 1024 ** 2,
  gb: 1024 ** 3,
  tb: 1024 ** 4,
  pb: 1024 ** 5,
};

/**
 * Whether a node is fuller than a disk watermark allows, by Elasticsearch's own reading of the setting: a percentage or
 * ratio is the share *used*, capped by `maxHeadroom` of free space on large disks; a size is the free space *left*.
 *
 * @param watermark such as "90%", "0.9" or "50gb"
 * @param maxHeadroom such as "150gb"; "-1" for none
 * @see https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/cluster-level-shard-allocation-routing-settings
 */
export function isAboveWatermark(fileSystem: FileSystem, watermark: string, maxHeadroom: string): boolean {
  if (fileSystem.totalBytes <= 0) return false;
  const size = parseBytes(watermark);
  if (size !== null) return fileSystem.availableBytes < size;
  const usedShare = watermark.endsWith("%") ? Number(watermark.slice(0, -1)) / 100 : Number(watermark);
  if (!Number.isFinite(usedShare)) return false;
  const headroom = parseBytes(maxHeadroom);
  const free = fileSystem.totalBytes * (1 - usedShare);
  return fileSystem.availableBytes < (headroom === null ? free : Math.min(free, headroom));
}

function parseBytes(size: string): number | null {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([kmgtp]?b)$/i.exec(size.trim()) ?? [];
  const factor = UNITS[unit?.toLowerCase() ?? ""];
  return amount === undefined || factor === undefined ? null : Number(amount) * factor;
}
