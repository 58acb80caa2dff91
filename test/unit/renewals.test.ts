import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Authorizations, basicAuthorization } from "../../watchdog/adapters/elasticsearch/authorizations.ts";
import { Renewals } from "../../watchdog/app/renewals.ts";
import { LiveCell } from "../../watchdog/util/live.ts";

describe("files that are read again", () => {
  let directory: string;
  let lines: string[];
  let renewals: Renewals;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-renewals-"));
    lines = [];
    const log = (_: unknown, line: string) => void lines.push(line);
    renewals = new Renewals({ debug: log, info: log, warn: log, error: log });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const file = () => path.join(directory, "number");
  const number = {
    section: "store",
    files: [] as string[],
    read: async () => {
      const text = await readFile(file(), "utf8");
      if (!/^\d+$/.test(text)) throw new Error(`store.number is "${text}"`);
      return Number(text);
    },
  };
  const add = () => renewals.add({ ...number, files: [file()] });

  test("are in use once they change, and told once", async () => {
    await writeFile(file(), "1");
    const live = await add();
    const doubled = live.map((n) => 2 * n);
    await renewals.look();
    await writeFile(file(), "2");
    await renewals.look();
    await renewals.look();
    expect([live.current, doubled.current]).toEqual([2, 4]);
    expect(lines).toEqual([`store: changed files are in use: ${file()}`]);
  });

  test("that cannot be used leave the value of before, and are reported once they stay so, in one sentence", async () => {
    await writeFile(file(), "1");
    const live = await add();
    await writeFile(file(), "x");
    await renewals.look();
    expect(renewals.problems()).toEqual([]);
    for (let n = 0; n < 3; n += 1) await renewals.look();
    const problem = 'changed files are not used, those of before go on: store.number is "x"';
    expect([renewals.problems(), lines, live.current]).toEqual([[problem], [problem], 1]);
    await rm(file());
    for (let n = 0; n < 2; n += 1) await renewals.look();
    expect(renewals.problems()).toEqual([expect.stringMatching(/no such file/)]);
    await writeFile(file(), "3");
    await renewals.look();
    expect([renewals.problems(), live.current]).toEqual([[], 3]);
  });

  test("that are as before again are no problem", async () => {
    await writeFile(file(), "1");
    await add();
    await writeFile(file(), "x");
    for (let n = 0; n < 2; n += 1) await renewals.look();
    await writeFile(file(), "1");
    await renewals.look();
    expect(renewals.problems()).toEqual([]);
  });

  test("have to be usable at the start", async () => {
    await writeFile(file(), "x");
    await expect(add()).rejects.toThrow('store.number is "x"');
  });
});

describe("two passwords", () => {
  const refused = new Error("401");
  const both = new LiveCell([basicAuthorization("u", "new"), basicAuthorization("u", "old")] as const);
  const password = ({ authorization }: { authorization: string }) =>
    Buffer.from(authorization.replace("Basic ", ""), "base64").toString();

  test("are tried one after the other, the one that was accepted last first", async () => {
    const valid = new Set(["u:old"]);
    const asked: string[] = [];
    const passwords = new Authorizations(both, (error) => error === refused);
    const call = () =>
      passwords.use(async (headers) => {
        asked.push(password(headers));
        if (!valid.has(password(headers))) throw refused;
        return "answer";
      });
    expect(await call()).toBe("answer");
    await call();
    expect(asked).toEqual(["u:new", "u:old", "u:old"]);
    valid.clear();
    valid.add("u:new");
    expect(await call()).toBe("answer");
    valid.clear();
    await expect(call()).rejects.toBe(refused);
  });

  test("are not both sent when the request failed for another reason", async () => {
    const passwords = new Authorizations(both, (error) => error === refused);
    let calls = 0;
    const failing = passwords.use(async () => {
      calls += 1;
      throw new Error("timeout");
    });
    await expect(failing).rejects.toThrow("timeout");
    expect(calls).toBe(1);
  });
});
