import path from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["endless.ts"],
    testTimeout: 600_000,
    globalSetup: path.join(import.meta.dirname, "../../../process-guard.ts"),
  },
});
