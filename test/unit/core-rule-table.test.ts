import { expect, test } from "vitest";
import { everyPhase } from "../../watchdog/core/rules/rule.ts";
import { rules } from "../../watchdog/core/rules/table.ts";

/**
 * The table as text: position, id, phases, purpose. A rule that is added, moved or reworded is a visible difference;
 * `vitest -u` writes the file again.
 */
test("the table of rules", async () => {
  const lines = rules.map(({ id, phases, purpose }, n) => {
    const when = phases.length === everyPhase.length ? "every phase" : phases.join(", ");
    return `${String(n + 1).padStart(2)}  ${id.padEnd(23)} ${when.padEnd(12)} ${purpose}`;
  });
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("core-rule-table.txt");
});
