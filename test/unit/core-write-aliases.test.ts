import { expect, test } from "vitest";
import { describeStep } from "../../watchdog/core/plans/describe-step.ts";
import { writeAliasStep } from "../../watchdog/core/plans/write-aliases.ts";
import type { LeaderSnapshot } from "../../watchdog/core/state/record-fields.ts";
import { config, index, sight } from "./core-fixtures.ts";

const names = ["logs-000008", "logs-000009", "logs-000010"];

/** gra writes to the third generation of `logs-app`. */
const leader: LeaderSnapshot = {
  ...sight,
  indices: names,
  writeAliases: [{ alias: "logs-app", index: "logs-000010" }],
  aliases: [{ alias: "logs-app", members: [0, 1, 2] }],
};

/** Promoted without an alias: CCR had not brought it yet. */
const fresh = (promoted: readonly string[], seen: LeaderSnapshot | null = leader) =>
  writeAliasStep(promoted, {
    leader: seen,
    indices: promoted.map((name) => index(name, { following: true })),
    managed: config.replication,
  });

/** Promoted with the alias. */
const followed = (promoted: readonly string[], seen: LeaderSnapshot | null) =>
  writeAliasStep(promoted, {
    leader: seen,
    indices: promoted.map((name) => index(name, { aliases: [{ alias: "logs-app", isWriteIndex: false }] })),
    managed: config.replication,
  });

test("an alias is set from the old region's choice although the follower has none yet", () => {
  expect(fresh(names)).toMatchObject({ aliases: [{ alias: "logs-app", index: "logs-000010", insteadOf: null }] });
});

test("the newest generation that is there takes the writes of one that is left out, and this is said", () => {
  const step = fresh(["logs-000008", "logs-000009"]);
  expect(step.aliases).toEqual([{ alias: "logs-app", index: "logs-000009", insteadOf: "logs-000010" }]);
  expect(describeStep(step)).toBe("set 1 write alias; logs-app writes to logs-000009, because logs-000010 is left out");
});

test("generations are compared as numbers, and other names by their creation", () => {
  const choice = { ...leader, writeAliases: [{ alias: "logs-app", index: "logs-gone" }] };
  expect(followed(["logs-9", "logs-10"], choice).aliases[0]?.index).toBe("logs-10");
  const known = {
    leader: choice,
    indices: ["logs-z", "logs-a"].map((name, age) =>
      index(name, { createdAtMs: age, aliases: [{ alias: "logs-app", isWriteIndex: false }] }),
    ),
    managed: config.replication,
  };
  expect(writeAliasStep(["logs-z", "logs-a"], known).aliases[0]?.index).toBe("logs-a");
});

test("an alias of which no index is left is named", () => {
  const step = fresh([]);
  expect(step).toMatchObject({ aliases: [], unset: ["logs-app"] });
  expect(describeStep(step)).toBe("set 0 write aliases; no index is left for logs-app");
});

test("a watchdog that never saw the old region takes a series of generations for a write alias, and no other alias", () => {
  expect(followed(names, null).aliases).toEqual([{ alias: "logs-app", index: "logs-000010", insteadOf: null }]);
  expect(followed(["logs-a", "logs-b"], null).aliases).toEqual([]);
});

test("an alias that the old region only read from is not written to", () => {
  const readOnly = { ...leader, writeAliases: [], aliases: [] };
  expect(followed(names, readOnly).aliases).toEqual([]);
});
