import { describe } from "vitest";
import { runHistory } from "./history.ts";
import { testMutations } from "./mutation-tests.ts";
import { mutations } from "./mutations.ts";

describe("the simulator finds each rule that is left out", () => {
  testMutations({ mutations, runHistory, historiesMax: 400 });
});
