import { describe } from "vitest";
import { threeSites } from "../world/layout.ts";
import { testMutants } from "./suite.ts";

describe("the histories of three sites show every rule that is missing", () => {
  testMutants(threeSites, 600);
});
