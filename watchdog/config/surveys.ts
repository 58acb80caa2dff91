import { z } from "zod";
import { durationMs } from "./values.ts";

/** The section of what is checked from time to time for the metrics. */
export const surveysSchema = z
  .strictObject({
    intervalMs: durationMs
      .default(300_000)
      .describe(
        "Time between two surveys. Each makes the checks of `preflight` and `drift`: some twenty small requests to each region.",
      ),
    outageMs: durationMs
      .default(43_200_000)
      .describe(
        "An outage to survive without a full copy afterwards: indices that retain operations for less are a warning, as with " +
          "`preflight --outage`.",
      ),
  })
  .prefault({})
  .describe(
    "What the controller surveys for the metrics `readiness_check` and `drift_items`, where metrics are served.",
  );
