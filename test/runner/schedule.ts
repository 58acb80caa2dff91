/** The order in which `npm test` runs its projects, and what runs side by side. Pure data and pure functions. */

export const projects = ["unit", "simulation", "integration", "lab"] as const;
export type Project = (typeof projects)[number];

/** A part of a run: one call of vitest. */
export interface Part {
  readonly name: string;
  readonly project: Project;
  /** Gives way to whatever else wants the processor. */
  readonly yields?: boolean;
}

/** Parts that run one after the other. */
export type Lane = readonly Part[];

/** Lanes that run side by side. */
export type Stage = readonly Lane[];

/**
 * One after the other. The lab's tests mostly wait, for a quarter of an hour: simulations, which have no clock but their
 * own and use all the processor time they can get, run beside them and yield to them.
 */
const stages: readonly Stage[] = [
  [[{ name: "unit", project: "unit" }]],
  [[{ name: "integration", project: "integration" }]],
  [[{ name: "lab", project: "lab" }], [{ name: "simulation", project: "simulation", yields: true }]],
];

/** The stages of a run of these projects. */
export function stagesFor(chosen: readonly Project[]): readonly Stage[] {
  return stages
    .map((lanes) => lanes.map((lane) => lane.filter(({ project }) => chosen.includes(project))))
    .map((lanes) => lanes.filter((lane) => lane.length > 0))
    .filter((lanes) => lanes.length > 0);
}

/**
 * The command that runs a part.
 *
 * @param filters words; when there are any, only test files run whose path contains one of them
 * @param reportFile where vitest's JSON report goes
 */
export function commandOf(part: Part, filters: readonly string[], reportFile: string): readonly string[] {
  const vitest = [
    ...["vitest", "run", `--project=${part.project}`, "--passWithNoTests"],
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`],
    ...filters,
  ];
  return part.yields === true ? ["nice", "-n", "10", ...vitest] : vitest;
}
