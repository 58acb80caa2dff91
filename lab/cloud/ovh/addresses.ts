import { BlockList, isIPv4 } from "node:net";

export interface Network {
  readonly base: string;
  readonly prefix: number;
}

/** Parses "192.168.1.0/24"; undefined for anything but an IPv4 network in CIDR notation. */
export function parseNetwork(cidr: string): Network | undefined {
  const [base = "", prefixText = "", ...rest] = cidr.split("/");
  const prefix = Number(prefixText);
  if (rest.length > 0 || !isIPv4(base) || !/^\d{1,2}$/.test(prefixText) || prefix > 32) return undefined;
  return { base, prefix };
}

export function contains(network: Network, address: string): boolean {
  const list = new BlockList();
  list.addSubnet(network.base, network.prefix);
  return isIPv4(address) && list.check(address);
}

export function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** First and last address of a network: the network's own and the broadcast address. */
export function bounds({ base, prefix }: Network): readonly [first: number, last: number] {
  const size = 2 ** (32 - prefix);
  const first = Math.floor(toNumber(base) / size) * size;
  return [first, first + size - 1];
}
