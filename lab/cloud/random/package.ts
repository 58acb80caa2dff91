import { randomBytes, randomInt } from "node:crypto";
import { flag, number, optionalNumber, optionalText } from "../protocol/inputs.ts";
import type { ProviderPackage, ResourceType, Violation } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { packageSchema } from "../schema/schema.ts";

const lower = "abcdefghijklmnopqrstuvwxyz";
const upper = lower.toUpperCase();
const digits = "0123456789";
const special = "!@#$%&*()-_=+[]{}<>:?";

/** The character classes of the inputs, each with its minimum number of characters. */
function characterClasses(inputs: PropertyMap): readonly { characters: string; atLeast: number }[] {
  const numeric = flag(inputs, "numeric", flag(inputs, "number", true));
  const specials = optionalText(inputs, "overrideSpecial") ?? special;
  return [
    { wanted: flag(inputs, "lower", true), characters: lower, minimum: "minLower" },
    { wanted: flag(inputs, "upper", true), characters: upper, minimum: "minUpper" },
    { wanted: numeric, characters: digits, minimum: "minNumeric" },
    { wanted: flag(inputs, "special", true), characters: specials, minimum: "minSpecial" },
  ]
    .filter(({ wanted }) => wanted)
    .map(({ characters, minimum }) => ({ characters, atLeast: optionalNumber(inputs, minimum) ?? 0 }));
}

function pick(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}

/** A random text with the minimum number of characters of each class, in random order. */
export function randomText(inputs: PropertyMap): string {
  const classes = characterClasses(inputs);
  const all = classes.map(({ characters }) => characters).join("");
  const picked = classes.flatMap(({ characters, atLeast }) => Array.from({ length: atLeast }, () => pick(characters)));
  while (picked.length < number(inputs, "length")) picked.push(pick(all));
  for (let last = picked.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [picked[last], picked[other]] = [picked[other] ?? "", picked[last] ?? ""];
  }
  return picked.join("");
}

function textViolations(inputs: PropertyMap): Violation[] {
  const length = inputs["length"];
  if (typeof length !== "number") return [];
  const classes = characterClasses(inputs);
  const least = classes.reduce((sum, { atLeast }) => sum + atLeast, 0);
  if (!Number.isInteger(length) || length < 1) return [{ property: "length", reason: "must be a whole number from 1" }];
  if (length < least) return [{ property: "length", reason: `must be at least ${least}, the sum of the minima` }];
  if (classes.every(({ characters }) => characters === "")) {
    return [{ property: "length", reason: "needs a character class, and all are excluded" }];
  }
  return [];
}

function withDefaults(inputs: PropertyMap): PropertyMap {
  const numeric = flag(inputs, "numeric", flag(inputs, "number", true));
  const minima = { minLower: 0, minUpper: 0, minNumeric: 0, minSpecial: 0 };
  return { lower: true, upper: true, special: true, ...minima, ...inputs, numeric, number: numeric };
}

/** Passwords and strings are immutable: every changed input makes a new one. */
const randomPassword: ResourceType = {
  violations: textViolations,
  // Without `bcryptHash`: Node has no bcrypt, and nothing here needs it.
  create: async (inputs) => ({ id: "none", outputs: { ...withDefaults(inputs), result: randomText(inputs) } }),
};

const randomString: ResourceType = {
  violations: textViolations,
  create: async (inputs) => {
    const result = randomText(inputs);
    return { id: result, outputs: { ...withDefaults(inputs), result } };
  },
};

const randomId: ResourceType = {
  violations: ({ byteLength }) =>
    typeof byteLength === "number" && (!Number.isInteger(byteLength) || byteLength < 1)
      ? [{ property: "byteLength", reason: "must be a whole number from 1" }]
      : [],
  create: async (inputs) => {
    const bytes = randomBytes(number(inputs, "byteLength"));
    const prefix = optionalText(inputs, "prefix") ?? "";
    const hex = bytes.toString("hex");
    const outputs = {
      b64Std: `${prefix}${bytes.toString("base64")}`,
      b64Url: `${prefix}${bytes.toString("base64url")}`,
      dec: `${prefix}${BigInt(`0x${hex}`)}`,
      hex: `${prefix}${hex}`,
    };
    return { id: bytes.toString("base64url"), outputs: { ...inputs, ...outputs } };
  },
};

export function randomPackage(): ProviderPackage {
  return {
    schema: packageSchema("random"),
    resources: {
      "random:index/randomPassword:RandomPassword": randomPassword,
      "random:index/randomString:RandomString": randomString,
      "random:index/randomId:RandomId": randomId,
    },
    functions: {},
  };
}
