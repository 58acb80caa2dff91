import type { SetUpStep } from "../machine/step.ts";
import { distributionStep } from "./distribution/distribution.ts";
import { jarsStep, mavenStep } from "./distribution/maven.ts";
import { jdkStep } from "./jdk/jdk.ts";
import { repositoryStep } from "./package/repository.ts";

/** Set-up of the lab's Elasticsearch. Integration tests need all steps but the last. */
export const elasticsearchSteps: readonly SetUpStep[] = [
  jdkStep,
  mavenStep,
  jarsStep,
  distributionStep,
  repositoryStep,
];
