import type { SetUpStep } from "../machine/step.ts";
import { distributionStep } from "./distribution.ts";
import { jdkStep } from "./jdk.ts";
import { jarsStep, mavenStep } from "./maven.ts";
import { repositoryStep } from "./repository.ts";

/** Everything that the lab's Elasticsearch needs, in order. Integration tests need all but the last. */
export const elasticsearchSteps: readonly SetUpStep[] = [
  jdkStep,
  mavenStep,
  jarsStep,
  distributionStep,
  repositoryStep,
];
