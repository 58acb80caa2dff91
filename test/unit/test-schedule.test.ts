import { readdir } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  browserFile,
  clusterFiles,
  commandOf,
  contractFiles,
  hostFiles,
  includes,
  type Part,
  partsOf,
  projects,
  type Schedule,
  scheduleFor,
  timedFiles,
  waitingFiles,
} from "../runner/schedule.ts";

const checkout = path.join(import.meta.dirname, "..", "..");
const partsFor = (...args: Parameters<typeof scheduleFor>): readonly Part[] => partsOf(scheduleFor(...args));
const isLab = ({ project }: Part) => project === "lab";

/** Parts that may run at the same time as the lab. */
function besideLab(schedule: Schedule): readonly Part[] {
  if (!partsOf(schedule).some(isLab)) return [];
  if ("inTurn" in schedule) return schedule.inTurn.flatMap(besideLab);
  if (!("atOnce" in schedule)) return [];
  return schedule.atOnce.flatMap((each) => (partsOf(each).some(isLab) ? besideLab(each) : partsOf(each)));
}

/** The test files that a part runs, as vitest selects them by its command. */
function selected(part: Part, files: readonly string[]): readonly string[] {
  const wanted = part.only ?? [""];
  return files.filter((file) => wanted.some((only) => file.includes(only)) && part.except?.includes(file) !== true);
}

describe("the schedule of a test run", () => {
  test.each(projects)("runs every test file of %s exactly once", async (project) => {
    const found = await readdir(path.join(checkout, "test", project), { recursive: true });
    const files = found.filter((file) => file.endsWith(".test.ts")).map((file) => `test/${project}/${file}`);
    const parts = partsFor(projects, []).filter((part) => part.project === project);
    expect(parts.flatMap((part) => selected(part, files)).toSorted()).toEqual(files.toSorted());
    expect(files).toEqual(expect.arrayContaining(parts.flatMap(({ only = [] }) => only)));
  });

  test("runs the chosen projects alone", () => {
    expect(partsFor(["unit", "lab"], []).map(({ name }) => name)).toEqual(["unit", "lab"]);
  });

  test("runs the files alone whose path contains a filter, whichever part they belong to", () => {
    const filters = ["etcd-store", "publisher"];
    const parts = partsFor(["integration"], filters);
    expect(parts).toMatchObject([
      { only: ["test/integration/etcd-store.test.ts"] },
      { only: ["test/integration/publisher-units.test.ts"] },
      {
        except: expect.arrayContaining([
          ...timedFiles,
          ...hostFiles,
          ...waitingFiles,
          ...contractFiles,
          ...clusterFiles,
        ]),
      },
    ]);
    expect(partsFor(["integration"], ["file-store"])).toHaveLength(1);
    expect(partsFor(["integration"], ["salvage"])).toContainEqual(
      expect.objectContaining({ only: ["test/integration/salvage.test.ts"] }),
    );
    const commands = parts.map((part) => commandOf(part, filters, "report.json"));
    expect(commands[0]?.at(-1)).toBe("test/integration/etcd-store.test.ts");
    expect(commands[2]).toContain("--exclude=test/integration/etcd-store.test.ts");
    expect(commands[2]?.slice(-2)).toEqual(filters);
  });

  test("has the browser's test in a run of all integration tests, and in one whose filter names it", () => {
    for (const chosen of [projects, ["integration"]] as const) expect(includes(browserFile, chosen, [])).toBe(true);
    expect(includes(browserFile, projects, ["page-"])).toBe(true);
    expect(includes(browserFile, projects, ["metrics"])).toBe(false);
    expect(includes(browserFile, ["unit"], [])).toBe(false);
  });

  test("lets everything beside the lab yield to it", () => {
    const beside = besideLab(scheduleFor(projects, []));
    expect(beside.map(({ name }) => name)).toEqual(["simulation", "integration (contracts)", "simulation (histories)"]);
    expect(beside.every(({ niceness = 0 }) => niceness > 0)).toBe(true);
    expect(partsFor(["lab"], []).every(({ niceness = 0 }) => niceness === 0)).toBe(true);
  });
});
