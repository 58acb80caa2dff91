import { describe } from "vitest";
import { oneSite } from "../world/layout.ts";
import { testHistories } from "./suite.ts";

describe("one watchdog, one router and a file store, on virtual time", () => {
  testHistories({
    layout: oneSite,
    variable: "ES_FAILOVER_HISTORIES",
    usual: 7_500,
    often: ["failovers", "restarts", "rejoined"],
    sometimes: ["switchovers"],
  });
});
