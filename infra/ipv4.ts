/** IPv4 addresses and networks as numbers, to plan addresses and to check that networks are disjoint. */

export interface Ipv4Network {
  /** First address of the network. */
  readonly first: number;
  /** Last address of the network. */
  readonly last: number;
  readonly prefixLength: number;
}

/** The number of a dotted address, or undefined when the text is no address. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** The network of "192.168.1.0/24", or undefined when the text is no network or has bits set after the prefix. */
export function parseCidr(text: string): Ipv4Network | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const first = parseIpv4(match?.[1] ?? "");
  const prefixLength = Number(match?.[2]);
  if (first === undefined || !(prefixLength <= 32)) return undefined;
  const size = 2 ** (32 - prefixLength);
  return first % size === 0 ? { first, last: first + size - 1, prefixLength } : undefined;
}

export function overlap(a: Ipv4Network, b: Ipv4Network): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function contains(outer: Ipv4Network, inner: Ipv4Network): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}
