import { describe } from "vitest";
import { runHistory } from "../histories/one-site.ts";
import { mutations } from "./one-site.ts";
import { testMutations } from "./suite.ts";

describe("the simulator finds each rule that is left out", () => {
  testMutations({ mutations, runHistory, historiesMax: 400 });
});
