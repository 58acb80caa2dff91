import { describe, expect, test } from "vitest";
import { AnswerMemory } from "../../watchdog/adapters/elasticsearch/answer-memory.ts";
import { perAnswer } from "../../watchdog/util/unchanged.ts";

const long = (content: string) => JSON.stringify({ content, filler: "x".repeat(5_000) });

/** Reads these texts one after another; also counts how often one was parsed. */
function read(texts: readonly string[]) {
  const memory = new AnswerMemory();
  let parsed = 0;
  const answers = texts.map((text) =>
    memory.parse(text, (): unknown => {
      parsed += 1;
      return JSON.parse(text);
    }),
  );
  return { answers, parsed };
}

describe("an answer of Elasticsearch", () => {
  test("that stays the same is parsed twice, and then is the same object", () => {
    const { answers, parsed } = read([long("a"), long("a"), long("a"), long("a")]);
    expect(parsed).toBe(2);
    expect(answers[3]).toBe(answers[1]);
    expect(answers).toEqual(answers.map(() => JSON.parse(long("a"))));
  });

  test("that changes is never taken for the one before, and is known again when it returns", () => {
    const { answers, parsed } = read(["a", "a", "b", "b", "a", "b"].map(long));
    expect(answers).toEqual(["a", "a", "b", "b", "a", "b"].map((content) => JSON.parse(long(content))));
    expect(parsed).toBe(4);
  });

  test("is forgotten when many others were read since", () => {
    const others = Array.from({ length: 100 }, (_, n) => long(`other ${n}`));
    expect(read([long("a"), long("a"), ...others, long("a")]).parsed).toBe(103);
  });
});

describe("what follows from an answer", () => {
  test("is computed again for another answer, or another second one, and for no other reason", () => {
    let computed = 0;
    const sum = perAnswer((a: { readonly n: number }, b: { readonly n: number }) => {
      computed += 1;
      return a.n + b.n;
    });
    const [one, two, three] = [{ n: 1 }, { n: 2 }, { n: 3 }];
    expect([sum(one, two), sum(one, two), sum(one, three), sum(two, three), sum(one, three)]).toEqual([3, 3, 4, 5, 4]);
    expect(computed).toBe(3);
  });
});
