import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDrift } from "../../watchdog/cli/output/drift.ts";
import { compareInventories } from "../../watchdog/diagnostics/drift/compare.ts";
import { type DriftKind, driftKinds, type Inventory, type Items } from "../../watchdog/diagnostics/drift/inventory.ts";

function inventory(kinds: Partial<Record<DriftKind, Items | string>> = {}): Inventory {
  const entries = driftKinds.map((kind) => {
    const found = kinds[kind] ?? {};
    return [kind, typeof found === "string" ? { error: found } : { value: found }] as const;
  });
  return Object.fromEntries(entries) as Inventory;
}

const compare = (active: Inventory, standby: Inventory) =>
  compareInventories({ region: "gra", inventory: active }, { region: "bhs", inventory: standby });

/** Inventories with few names and values, so that some are alike. */
const anyInventory = fc
  .dictionary(
    fc.constantFrom(...driftKinds),
    fc.dictionary(
      fc.constantFrom("a", "b", "c"),
      fc.oneof(fc.constantFrom(1, 2), fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom(1, 2, [1], null))),
    ),
  )
  .map((kinds) => inventory(kinds));

describe("drift between the regions", () => {
  test("is none between equal inventories", () => {
    fc.assert(
      fc.property(anyInventory, (one) => {
        expect(compare(one, structuredClone(one)).items).toEqual([]);
      }),
    );
  });

  test("is found in whichever region it is, once for each name", () => {
    fc.assert(
      fc.property(anyInventory, anyInventory, (one, other) => {
        const [there, back] = [compare(one, other).items, compare(other, one).items];
        const opposite = { missing: "additional", additional: "missing", different: "different" } as const;
        expect(back.map(({ kind, name, state }) => [kind, name, opposite[state]])).toEqual(
          there.map(({ kind, name, state }) => [kind, name, state]),
        );
      }),
    );
  });

  test("names the values that differ by their paths", () => {
    const template = (priority: number, replicas: number) => ({
      orders: {
        priority,
        template: { settings: { index: { number_of_replicas: replicas } } },
        index_patterns: ["o-*"],
      },
    });
    const { items } = compare(
      inventory({ "index-template": template(200, 1) }),
      inventory({ "index-template": template(100, 0) }),
    );
    expect(items).toEqual([
      {
        kind: "index-template",
        name: "orders",
        state: "different",
        differences: [
          { path: "priority", active: 200, standby: 100 },
          { path: "template.settings.index.number_of_replicas", active: 1, standby: 0 },
        ],
      },
    ]);
  });

  test("leaves a kind that one region cannot tell uncompared, and says so", () => {
    const report = compare(inventory({ role: { reporting: {} } }), inventory({ role: "403 forbidden" }));
    expect(report.items).toEqual([]);
    expect(report.unread).toEqual([{ kind: "role", region: "bhs", reason: "403 forbidden" }]);
    expect(formatDrift(report)).toContain("Not compared: role: bhs: 403 forbidden");
  });

  test("is shown item by item, with the regions' names", () => {
    const report = compare(
      inventory({ role: { reporting: {} }, version: { Elasticsearch: ["9.5.3"] } }),
      inventory({ user: { ada: {} }, version: { Elasticsearch: ["9.5.2", "9.5.3"] } }),
    );
    expect(formatDrift(report)).toBe(
      [
        "KIND     NAME           DIFFERENCE",
        "role     reporting      only in gra",
        "user     ada            only in bhs",
        'version  Elasticsearch  ["9.5.3"] in gra, ["9.5.2","9.5.3"] in bhs',
        "",
        "3 differences between gra, which is active, and bhs.",
      ].join("\n"),
    );
  });
});
