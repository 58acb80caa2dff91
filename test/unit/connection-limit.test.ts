import { expect, test } from "vitest";
import { networkOf } from "../../watchdog/util/connection-limit.ts";

test.each([
  ["192.168.1.20", "192.168.1.20"],
  ["::ffff:192.168.1.20", "192.168.1.20"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:DB8:0:0:1:2:3:4", "2001:db8:0:0"],
  ["2001:db8:1:2::", "2001:db8:1:2"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["::1", "0:0:0:0"],
])("connections from %s count for %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
