import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { choosePublicIp, macAddress, privateIpViolation, regionAddresses } from "../../lab/hosts/addressing.ts";
import { labRegions } from "../../lab/hosts/types.ts";

describe("public addresses of lab hosts", () => {
  test("are unique, and each is in the host's region", () => {
    const host = fc.record({ name: fc.stringMatching(/^[a-z]{1,4}$/), region: fc.constantFrom(...labRegions) });
    fc.assert(
      fc.property(fc.uniqueArray(host, { selector: ({ name }) => name, maxLength: 40 }), (hosts) => {
        let book: Record<string, string> = {};
        for (const { name, region } of hosts) {
          const address = choosePublicIp(region, name, book);
          expect(Object.values(book)).not.toContain(address);
          expect(address.startsWith(regionAddresses(region).publicSubnet.replace("0/24", ""))).toBe(true);
          book = { ...book, [name]: address };
        }
      }),
    );
  });

  test("a host gets the address of the previous host of its name", () => {
    const book = { "gra-es-1": "10.81.0.11", "gra-es-2": "10.81.0.12" };
    expect(choosePublicIp("gra", "gra-es-2", book)).toBe("10.81.0.12");
  });

  test("a name in another region gets an address there", () => {
    expect(choosePublicIp("bhs", "proxy", { proxy: "10.81.0.11" })).toBe("10.82.0.11");
  });

  test("a region without a free address refuses a host", () => {
    const book = Object.fromEntries(Array.from({ length: 244 }, (_, index) => [`h${index}`, `10.83.0.${index + 11}`]));
    expect(() => choosePublicIp("witness", "one-more", book)).toThrow(/No public address is left in region witness/);
  });
});

describe("private addresses of lab hosts", () => {
  test("an address of the region's part of the vRack is accepted", () => {
    expect(privateIpViolation("bhs", "192.168.2.20", ["192.168.2.21"])).toBeUndefined();
  });

  test.each([
    ["another region's", "192.168.1.20"],
    ["the router's", "192.168.2.254"],
    ["the network's own", "192.168.2.0"],
    ["another host's", "192.168.2.21"],
    ["an invalid address", "192.168.2.x"],
  ])("%s is refused", (_, address) => {
    expect(privateIpViolation("bhs", address, ["192.168.2.21"])).toBeDefined();
  });
});

test("a hardware address is derived from the IP address", () => {
  expect(macAddress("192.168.2.254")).toBe("02:00:c0:a8:02:fe");
});
