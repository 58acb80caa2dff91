import { describe, expect, test } from "vitest";
import { Entries, REST_MS } from "../../lab/traffic/entries.ts";

describe("an application with several entries", () => {
  test("begins with the entry it prefers, and stays there while that one serves", () => {
    expect(new Entries(["gra", "bhs"], 0).current).toBe("gra");
    expect(new Entries(["gra", "bhs"], 1).current).toBe("bhs");
    expect(new Entries(["gra", "bhs"], 2).current).toBe("gra");
  });

  test("turns to the next when one refuses, and comes around again", () => {
    const entries = new Entries(["a", "b", "c"], 0);
    const used = [entries.current];
    for (let refusals = 0; refusals < 3; refusals += 1) {
      entries.refused();
      used.push(entries.current);
    }
    expect(used).toEqual(["a", "b", "c", "a"]);
  });

  test("leaves one that gave no answer alone for a while, even when the other one refuses meanwhile", () => {
    let nowMs = 0;
    const entries = new Entries(["gra", "bhs"], 0, () => nowMs);
    entries.silent();
    expect(entries.current).toBe("bhs");
    entries.refused();
    expect(entries.current).toBe("bhs");
    nowMs = REST_MS;
    entries.refused();
    expect(entries.current).toBe("gra");
  });

  test("where none answers, tries the one that has rested longest", () => {
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

  test("needs an entry at least", () => {
    expect(() => new Entries([], 0)).toThrow("at least one entry");
  });
});
