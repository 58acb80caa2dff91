import { hash } from "node:crypto";
import { Serializer } from "@elastic/elasticsearch";

/** Shorter answers are parsed as fast as they are compared. */
const COMPARED_FROM_CHARACTERS = 4_096;
/** A region gives about eight long answers, and some of them change while others stay the same. */
const KEPT = 16;

/**
 * The parsed answers of one region. At rest most of what is read about thousands of indices is the text of the round before: then
 * the answer is the same object, and `perAnswer` knows what follows from it. It is shared, and to be read only.
 */
export class AnswerMemory {
  /** By the digest of the text, longest unread first; null for a text that came once, as most of those that change do. */
  readonly #known = new Map<string, { readonly answer: unknown } | null>();

  parse(text: string, parse: () => unknown): unknown {
    if (text.length < COMPARED_FROM_CHARACTERS) return parse();
    const digest = hash("sha256", text);
    const known = this.#known.get(digest);
    const parsed = known ?? { answer: parse() };
    this.#known.delete(digest);
    this.#known.set(digest, known === undefined ? null : parsed);
    for (const unread of this.#known.keys()) {
      if (this.#known.size <= KEPT) break;
      this.#known.delete(unread);
    }
    return parsed.answer;
  }
}

/** For the client, which makes its serializer itself. */
export const serializerWith = (memory: AnswerMemory): typeof Serializer =>
  class extends Serializer {
    override deserialize<T = unknown>(text: string): T {
      // As the client's own: only the caller knows the type.
      return memory.parse(text, () => super.deserialize(text)) as T;
    }
  };
