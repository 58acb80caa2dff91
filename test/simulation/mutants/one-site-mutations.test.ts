import { describe } from "vitest";
import { oneSite } from "../world/layout.ts";
import { testMutants } from "./suite.ts";

describe("the histories of one site show every rule that is missing", () => {
  testMutants(oneSite, 700);
});
