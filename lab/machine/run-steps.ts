import { Listr } from "listr2";
import type { SetUpStep } from "./step.ts";

/** Runs set-up steps in order and prints a line with the reason for each that has work to do. */
export async function runSteps(steps: readonly SetUpStep[]): Promise<void> {
  const missing: SetUpStep[] = [];
  for (const step of steps) if (!(await step.isDone())) missing.push(step);
  if (missing.length === 0) return;
  const list = new Listr(
    missing.map((step) => ({
      title: `${step.title}: ${step.why}`,
      task: async (_, task) => {
        // An earlier step of this run may have done it.
        if (await step.isDone()) return;
        await step.run((line) => {
          task.output = line;
        });
      },
    })),
    { concurrent: false, exitOnError: true, fallbackRenderer: "simple", rendererOptions: { collapseSubtasks: false } },
  );
  await list.run();
}
