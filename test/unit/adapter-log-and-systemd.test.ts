import { describe, expect, test } from "vitest";
import { createLogger } from "../../watchdog/adapters/log.ts";
import { serviceManager } from "../../watchdog/adapters/systemd.ts";

describe("the log", () => {
  const linesOf = (write: (log: ReturnType<typeof createLogger>) => void) => {
    const lines: Record<string, unknown>[] = [];
    write(createLogger("info", "w1", { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) }));
    return lines;
  };

  test("is a JSON document per line, with time, level and the watchdog's name", () => {
    const [line] = linesOf((log) => log.warn({ region: "gra" }, "something is odd"));
    expect(line).toMatchObject({ level: "warn", watchdog: "w1", region: "gra", msg: "something is odd" });
    expect(Number.isNaN(Date.parse(String(line?.["time"])))).toBe(false);
  });

  test("contains no secret, at the top level or within an object", () => {
    const lines = linesOf((log) =>
      log.info(
        { password: "hunter2", request: { authorization: "Basic aHVudGVyMg==", headers: { a: "hunter2" } } },
        "x",
      ),
    );
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  test("omits events below its level", () => {
    expect(linesOf((log) => log.debug({}, "detail"))).toEqual([]);
  });
});

describe("the service manager", () => {
  test("receives nothing when none listens", async () => {
    const none = serviceManager({ WATCHDOG_USEC: "1000" });
    expect(none.watchdogIntervalMs).toBeNull();
    await none.ready("started");
    await none.alive();
  });

  test("gives the interval of heartbeats in microseconds", () => {
    expect(serviceManager({ NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "30000000" }).watchdogIntervalMs).toBe(30_000);
    expect(serviceManager({ NOTIFY_SOCKET: "/x" }).watchdogIntervalMs).toBeNull();
  });
});
