import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as operations from "../../lab/cloud/protocol/operations.ts";
import type { ProviderPackage, ResourceType } from "../../lab/cloud/protocol/package.ts";
import {
  Archive,
  Asset,
  holdsSecret,
  holdsUnknown,
  type PropertyMap,
  type PropertyValue,
  reveal,
  Secret,
  sameValue,
  Unknown,
  unknown,
} from "../../lab/cloud/protocol/values.ts";
import { decodeMap, encodeMap } from "../../lab/cloud/protocol/wire.ts";
import { randomPackage } from "../../lab/cloud/random/package.ts";

/** Nested property maps of every kind of value, without the protocol's own keys. */
const propertyMaps = fc.letrec<{ value: PropertyValue; map: PropertyMap }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string(),
    fc.constant(unknown),
    tie("value").map((value) => new Secret(value)),
    fc.string({ minLength: 1 }).map((text) => new Asset(`hash-of-${text}`, { text })),
    fc.string({ minLength: 1 }).map((path) => new Archive(`hash-of-${path}`, { path })),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("map"),
  ),
  map: fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie("value"), { maxKeys: 4 }),
})).map;

describe("values on the wire", () => {
  test("arrive as sent, including secrets, unknowns, assets and archives", () => {
    fc.assert(
      fc.property(propertyMaps, (map) => {
        expect(decodeMap(encodeMap(map))).toEqual(map);
      }),
    );
  });

  test("lose only their secret wrappers when revealed", () => {
    fc.assert(
      fc.property(propertyMaps, (map) => {
        const revealed = reveal(map);
        expect(holdsSecret(revealed)).toBe(false);
        expect(holdsUnknown(revealed)).toBe(holdsUnknown(map));
        expect(sameValue(revealed, map)).toBe(true);
      }),
    );
  });
});

const type: ResourceType = {
  secretOutputs: ["token"],
  stableOutputs: ["createdAt"],
  create: async () => ({ id: "1", outputs: {} }),
  update: async () => ({}),
};
const text = { type: { kind: "string" }, required: false } as const;
const served: operations.Served = {
  type,
  schema: {
    inputs: { script: text, region: { ...text, recreates: true } },
    outputs: ["script", "region", "stdout", "token", "createdAt"],
    secretOutputs: [],
  },
};

describe("a diff", () => {
  const old = { inputs: { script: "a", region: "GRA11" }, outputs: {} };

  test("of equal inputs is empty, whether or not they are secret", () => {
    const news = { script: new Secret("a"), region: "GRA11" };
    expect(operations.diff(served, old, news)).toMatchObject({ changed: [], replaces: [] });
  });

  test("lists changes, and replaces where the documentation requires it", () => {
    expect(operations.diff(served, old, { script: "b", region: "GRA11" })).toMatchObject({
      changed: ["script"],
      replaces: [],
    });
    expect(operations.diff(served, old, { script: "b", region: "BHS5" })).toMatchObject({
      changed: ["region", "script"],
      replaces: ["region"],
    });
  });

  test("takes a value that is not known yet for changed", () => {
    expect(operations.diff(served, old, { script: unknown, region: "GRA11" }).changed).toEqual(["script"]);
  });

  test("replaces on any change a type that cannot be updated", () => {
    const { update: _, ...fixed } = type;
    expect(operations.diff({ ...served, type: fixed }, old, { script: "b", region: "GRA11" }).replaces).toEqual([
      "script",
    ]);
  });
});

describe("outputs", () => {
  test("of a secret input are secret, and so are those that always are; all others are plain", () => {
    const outputs = { script: "a", region: "GRA11", stdout: "x", token: "t", createdAt: "now" };
    expect(operations.protect(served, { script: new Secret("a"), region: "GRA11" }, outputs)).toEqual({
      script: new Secret("a"),
      region: "GRA11",
      stdout: "x",
      token: new Secret("t"),
      createdAt: "now",
    });
  });

  test("in the preview of a creation are the inputs, and unknown otherwise", () => {
    const outputs = operations.previewCreate(served, { script: "a" });
    expect(outputs["script"]).toBe("a");
    expect(outputs["stdout"]).toBeInstanceOf(Unknown);
  });

  test("in the preview of an update keep what an update cannot change", () => {
    const outputs = operations.previewUpdate(served, { createdAt: "then", stdout: "x" }, { script: "b" });
    expect(outputs["createdAt"]).toBe("then");
    expect(outputs["stdout"]).toBeInstanceOf(Unknown);
  });
});

describe("a package", () => {
  test("refuses by name a resource type that it does not serve", () => {
    expect(() => operations.served(randomPackage(), "random:index/randomPet:RandomPet")).toThrow(
      "has no resource type random:index/randomPet:RandomPet",
    );
  });

  test("checks no further rule for inputs that violate the schema", () => {
    const calls: string[] = [];
    const checking: ResourceType = {
      ...type,
      violations: () => {
        calls.push("violations");
        return [];
      },
    };
    const pkg: ProviderPackage = {
      schema: { name: "random", version: "1.0.0", configuration: {}, resources: {}, functions: {}, types: {} },
      resources: {},
      functions: {},
    };
    const request = { news: { script: 1 }, olds: undefined, name: "x", seed: Buffer.alloc(0) };
    expect(operations.check(pkg, { ...served, type: checking }, request).violations).toHaveLength(1);
    expect(calls).toEqual([]);
  });
});
