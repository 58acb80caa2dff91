import { isDeepStrictEqual } from "node:util";
import type { RegionName } from "../../config/address.ts";
import { type DriftKind, driftKinds, type Inventory, type Items } from "./inventory.ts";

/** A value that the regions do not have alike; undefined: the region lacks it. */
export interface Difference {
  /** `template.settings.index.number_of_shards`; empty for the item itself. */
  readonly path: string;
  readonly active: unknown;
  readonly standby: unknown;
}

export interface DriftItem {
  readonly kind: DriftKind;
  readonly name: string;
  /** missing: the standby lacks it; additional: only the standby has it. */
  readonly state: "missing" | "additional" | "different";
  /** Empty unless `different`. */
  readonly differences: readonly Difference[];
}

export interface DriftReport {
  readonly active: RegionName;
  readonly standby: RegionName;
  readonly items: readonly DriftItem[];
  /** Kinds that could not be compared, and why. */
  readonly unread: readonly { readonly kind: DriftKind; readonly region: RegionName; readonly reason: string }[];
}

/** Compares what the two regions have beside the indices. Pure. */
export function compareInventories(
  active: { readonly region: RegionName; readonly inventory: Inventory },
  standby: { readonly region: RegionName; readonly inventory: Inventory },
): DriftReport {
  const unread = driftKinds.flatMap((kind) =>
    [active, standby].flatMap(({ region, inventory }) => {
      const found = inventory[kind];
      return "error" in found ? [{ kind, region, reason: found.error }] : [];
    }),
  );
  const items = driftKinds.flatMap((kind) => {
    const [ofActive, ofStandby] = [active.inventory[kind], standby.inventory[kind]];
    return "error" in ofActive || "error" in ofStandby ? [] : compareItems(kind, ofActive.value, ofStandby.value);
  });
  return { active: active.region, standby: standby.region, items, unread };
}

function compareItems(kind: DriftKind, active: Items, standby: Items): readonly DriftItem[] {
  const names = [...new Set([...Object.keys(active), ...Object.keys(standby)])].toSorted();
  return names.flatMap((name): DriftItem[] => {
    if (!(name in standby)) return [{ kind, name, state: "missing", differences: [] }];
    if (!(name in active)) return [{ kind, name, state: "additional", differences: [] }];
    const differences = differencesOf("", active[name], standby[name]);
    return differences.length === 0 ? [] : [{ kind, name, state: "different", differences }];
  });
}

function differencesOf(path: string, active: unknown, standby: unknown): readonly Difference[] {
  if (isDeepStrictEqual(active, standby)) return [];
  if (!isObject(active) || !isObject(standby)) return [{ path, active, standby }];
  return [...new Set([...Object.keys(active), ...Object.keys(standby)])]
    .toSorted()
    .flatMap((key) => differencesOf(path === "" ? key : `${path}.${key}`, active[key], standby[key]));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
