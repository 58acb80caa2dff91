import { describe, expect, test } from "vitest";
import { neverComplete, UNFINISHED_COPIES_MAX, unfinishedCopies } from "../../watchdog/core/state/unfinished-copies.ts";
import { goodProbe, index, serving } from "./core-fixtures.ts";

const running = { state: "running", bytesDone: 0, bytesTotal: null, startedAtMs: null, error: null } as const;
const lacking = { following: true, primariesActive: 0 };
const idOf = (name: string) => ({ index: name, uuid: `uuid-${name}` });

describe("first copies that are not complete", () => {
  test("are those that run or have failed, and of the noted ones those without a primary", () => {
    const indices = [
      index("running", { ...lacking, firstCopy: running }),
      index("failed", { ...lacking, firstCopy: { ...running, state: "failed" } }),
      index("ended", lacking),
      index("complete", { following: true }),
      index("node-away", lacking),
      index("own", { primariesActive: 0 }),
    ];
    const noted = ["ended", "complete", "deleted", "own"].map(idOf);
    expect(unfinishedCopies(noted, { indices })).toEqual(["ended", "running", "failed"].map(idOf));
  });

  test("are noted up to a bound, the earlier ones first", () => {
    const names = Array.from({ length: UNFINISHED_COPIES_MAX + 1 }, (_, n) => `logs-${n}`);
    const indices = names.map((name) => index(name, { ...lacking, firstCopy: running }));
    const noted = [idOf(`logs-${UNFINISHED_COPIES_MAX}`)];
    const listed = unfinishedCopies(noted, { indices });
    expect(listed).toHaveLength(UNFINISHED_COPIES_MAX);
    expect(listed[0]).toEqual(noted[0]);
  });

  test("were never complete only while all configured nodes are there", () => {
    const record = serving({ unfinishedCopies: [idOf("logs-1")] });
    const nodes = ["https://192.168.2.11:9200", "https://192.168.2.12:9200"];
    const by = (probe: Parameters<typeof neverComplete>[1]) => [
      ...neverComplete(record, probe, { nodes, plainHttp: false }),
    ];
    expect(by({ ...goodProbe, nodes: 2 })).toEqual(["uuid-logs-1"]);
    expect(by({ ...goodProbe, nodes: 1 })).toEqual([]);
    expect(by({ reachable: false, kind: "timeout", error: "" })).toEqual([]);
    expect(by(null)).toEqual([]);
  });
});
