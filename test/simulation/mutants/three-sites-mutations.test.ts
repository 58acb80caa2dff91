import { describe } from "vitest";
import { runHistory } from "../histories/three-sites.ts";
import { testMutations } from "./suite.ts";
import { mutations } from "./three-sites.ts";

describe("with several watchdogs the simulator finds each rule that is left out", () => {
  testMutations({ mutations, runHistory, historiesMax: 600 });
});
