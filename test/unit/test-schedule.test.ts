import { describe, expect, test } from "vitest";
import { commandOf, type Part, type Project, projects, stagesFor } from "../runner/schedule.ts";

const partsFor = (chosen: readonly Project[]): readonly Part[] => stagesFor(chosen).flat(2);

describe("the schedule of a test run", () => {
  test("runs every project exactly once", () => {
    expect(
      partsFor(projects)
        .map(({ project }) => project)
        .toSorted(),
    ).toEqual(projects.toSorted());
  });

  test("runs the chosen projects alone", () => {
    expect(partsFor(["unit", "lab"]).map(({ project }) => project)).toEqual(["unit", "lab"]);
  });

  test("selects test files by the given words", () => {
    const [part] = partsFor(["integration"]);
    const command = part === undefined ? [] : commandOf(part, ["publisher", "etcd-"], "report.json");
    expect(command.slice(0, 3)).toEqual(["vitest", "run", "--project=integration"]);
    expect(command.slice(-2)).toEqual(["publisher", "etcd-"]);
  });

  test("lets everything beside the lab yield to it", () => {
    const beside = stagesFor(projects).find((lanes) => lanes.flat().some(({ project }) => project === "lab")) ?? [];
    expect(beside.flat().length).toBeGreaterThan(1);
    for (const part of beside.flat()) {
      expect({ part, nice: commandOf(part, [], "report.json")[0] === "nice" }).toEqual({
        ...{ part, nice: part.project !== "lab" },
      });
    }
  });
});
