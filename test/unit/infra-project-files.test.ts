import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileOfKey } from "../../infra/config/project-files.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infra-project-"));
  const project = "name: es-failover\nconfig:\n  es-failover:checks:\n    type: object\n  network: { vlanId: 42 }\n";
  await writeFile(path.join(directory, "Pulumi.yaml"), project);
  const stack = 'config:\n  es-failover:region: gra\n  "es-failover:checks": { profile: fast }\n';
  await writeFile(path.join(directory, "Pulumi.gra.yaml"), stack);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

test.each([
  ["a key of the stack", "region", "Pulumi.gra.yaml"],
  ["a key that the stack sets in place of the project", "checks", "Pulumi.gra.yaml"],
  ["a key below one", "checks.profile", "Pulumi.gra.yaml"],
  ["a key of the project without its namespace", "network.vlanId", "Pulumi.yaml"],
  ["a key of another file", "elsewhere", "Pulumi.gra.yaml or Pulumi.yaml"],
])("%s is found in its file", (_what, key, file) => {
  expect(fileOfKey(directory, "gra", key)).toBe(file);
});

test("a stack without a file of its own has its keys in the project's", () => {
  expect(fileOfKey(directory, "bhs", "checks")).toBe("Pulumi.yaml");
});
