import { isObject } from "../model.ts";
import type { Leaf } from "../view.ts";

/** Shorter texts may occur anywhere. */
const leastLength = 16;
/** Pulumi's mark for a value that only the update will know; identifiers are no secrets either. */
const identifier = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Keys, and paths of files, whose values are secrets among others in a JSON document. */
const secretName =
  /(password|secret|token|private-?key(pem)?|\.key|\.credentials|\/(notifications|prometheus\/secrets)\/[^/]+)$/i;

/** What must appear nowhere in plain text: each secret, and the secrets in a document that is secret as a whole. */
export function secretWords(leaves: readonly Leaf[]): readonly string[] {
  return leaves
    .filter(({ isSecret }) => isSecret)
    .flatMap(({ text }) => wordsIn(text))
    .map((word) => word.trim())
    .filter((word) => word.length >= leastLength && !identifier.test(word));
}

function wordsIn(text: string): readonly string[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return [text];
  }
  return typeof document === "object" ? namedSecrets(document) : [text];
}

function namedSecrets(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namedSecrets);
  if (!isObject(value)) return [];
  const { path, content } = value;
  const file = typeof path === "string" && secretName.test(path) && typeof content === "string" ? [content] : [];
  const own = Object.entries(value).flatMap(([key, item]) =>
    typeof item === "string" && secretName.test(key) ? [item] : namedSecrets(item),
  );
  return [...file, ...own];
}

/** Texts that are secret by their form. */
const forms: readonly (readonly [form: RegExp, what: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\S/, "a private key"],
  [/:\/\/[^/\s:@"]+:[^/\s@"$]+@/, "a URL with a password"],
  [/"\w*(?:password|secret)"\s*:\s*"[^"]+"/i, "a password"],
];

const marking = "Mark it with pulumi.secret(), and hand it over by `stdin`.";

/** Secrets among a resource's inputs that the state, or every user of a host, would show. */
export function exposedSecrets(name: string, leaves: readonly Leaf[], words: Iterable<string>): readonly string[] {
  const all = [...words];
  return leaves.flatMap(({ path, text, isSecret }) => {
    // The text of a command is an argument of a process on the host, also where the state has it encrypted.
    const isText = /^(create|update|delete)$/.test(path);
    if (isSecret) {
      return isText
        ? [`The text of ${name} (${path}) has a secret, which every user of the host can see. ${marking}`]
        : [];
    }
    const what =
      forms.find(([form]) => form.test(text))?.[1] ??
      (all.some((word) => text.includes(word)) ? "a secret" : undefined);
    if (what === undefined) return [];
    return [`${name} has ${what} in plain text in ${path}, which the state keeps and shows. ${marking}`];
  });
}
