import { describe, expect, test } from "vitest";
import { Entries, SKIP_MS } from "../../lab/traffic/entries.ts";

describe("an application with several entries", () => {
  test("begins with its preferred entry, modulo their number", () => {
    const first = [0, 1, 2].map((preferred) => new Entries(["gra", "bhs"], preferred).current);
    expect(first).toEqual(["gra", "bhs", "gra"]);
  });

  test("uses all entries that answer round robin, whether they serve or refuse", () => {
    const entries = new Entries(["a", "b", "c"], 0);
    const used = [entries.current];
    for (let answers = 0; answers < 3; answers += 1) {
      entries.answered();
      used.push(entries.current);
    }
    expect(used).toEqual(["a", "b", "c", "a"]);
  });

  test("skips an entry that did not answer for a time", () => {
    let nowMs = 0;
    const entries = new Entries(["gra", "bhs"], 0, () => nowMs);
    entries.silent();
    expect(entries.current).toBe("bhs");
    entries.answered();
    expect(entries.current).toBe("bhs");
    nowMs = SKIP_MS;
    entries.answered();
    expect(entries.current).toBe("gra");
  });

  test("without an answer of any entry tries the one skipped longest", () => {
    let nowMs = 0;
    const entries = new Entries(["gra", "bhs"], 0, () => nowMs);
    const used: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      nowMs += 1_000;
      entries.silent();
      used.push(entries.current);
    }
    expect(used).toEqual(["bhs", "gra", "bhs", "gra"]);
  });

  test("needs at least one entry", () => {
    expect(() => new Entries([], 0)).toThrow("at least one entry");
  });
});
