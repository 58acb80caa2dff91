import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { hedged } from "../../watchdog/adapters/elasticsearch/hedge.ts";

const options = {
  timeoutMs: 2_000,
  staggerMs: 20,
  isConclusive: () => true,
  isFinal: () => false,
  weightOf: () => 0,
};
const never = () => new Promise<string>(() => {});
const says = (answer: string) => async () => answer;
const fails = (reason: string) => async (): Promise<string> => {
  throw new Error(reason);
};

describe("asking several nodes", () => {
  test("costs one request when the first one answers", async () => {
    let others = 0;
    const other = async () => {
      others += 1;
      return "other";
    };
    const result = await hedged([says("one"), other], options);
    expect(result).toEqual({ answer: "one", candidate: 0 });
    expect(others).toBe(0);
  });

  test("asks the next node at once after a failure, and soon after a silent one", async () => {
    const startedMs = performance.now();
    expect(await hedged([fails("refused"), never, says("three")], options)).toEqual({ answer: "three", candidate: 2 });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  test("aborts the other requests once there is an answer", async () => {
    let aborted = false;
    const silent = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(new Error("aborted"));
        });
      });
    await hedged([silent, says("two")], options);
    expect(aborted).toBe(true);
  });

  test("prefers a conclusive answer, and falls back to another one", async () => {
    const conclusive = { ...options, isConclusive: (answer: string) => answer !== "no master" };
    expect((await hedged([says("no master"), says("master")], conclusive)).answer).toBe("master");
    expect((await hedged([says("no master"), fails("refused")], conclusive)).answer).toBe("no master");
    const impatient = { ...conclusive, timeoutMs: 100 };
    expect((await hedged([says("no master"), never], impatient)).answer).toBe("no master");
  });

  test("ends with the first failure when every node fails, and at its timeout when every node is silent", async () => {
    await expect(hedged([fails("first"), fails("second")], options)).rejects.toThrow("first");
    const startedMs = performance.now();
    await expect(hedged([never, never], { ...options, timeoutMs: 100 })).rejects.toThrow("no answer within 100 ms");
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  test("ends at once with an error that every node would repeat", async () => {
    const final = { ...options, staggerMs: 5, isFinal: (error: unknown) => String(error).includes("no such index") };
    const late = async (): Promise<string> => {
      await delay(30);
      throw new Error("no such index");
    };
    await expect(hedged([never, late], final)).rejects.toThrow("no such index");
  });

  test("reports the node that tells most, whichever comes first", async () => {
    const weights = ["refused", "no master", "wrong password"];
    const weightOf = (error: unknown) => weights.indexOf(error instanceof Error ? error.message : "");
    for (const reasons of [
      ["refused", "wrong password", "no master"],
      ["wrong password", "no master", "refused"],
    ]) {
      await expect(hedged(reasons.map(fails), { ...options, weightOf })).rejects.toThrow("wrong password");
    }
  });
});
