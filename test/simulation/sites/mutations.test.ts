import { describe } from "vitest";
import { testMutations } from "../mutation-tests.ts";
import { runHistory } from "./history.ts";
import { mutations } from "./mutations.ts";

describe("with several watchdogs the simulator finds each rule that is left out", () => {
  testMutations({ mutations, runHistory, historiesMax: 600 });
});
