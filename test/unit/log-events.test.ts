import { expect, test } from "vitest";
import { type LogEvent, publisherEvents, watchdogEvents } from "../../watchdog/util/log-events.ts";
import type { Logger } from "../../watchdog/util/logger.ts";

const events: readonly (readonly [string, LogEvent])[] = [
  ...Object.entries(watchdogEvents),
  ...Object.entries(publisherEvents),
];

test("an event has an id of its own in lower case, a level, and a sentence", () => {
  const ids = events.map(([id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [id, { levels, when }] of events) {
    expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(levels.length).toBeGreaterThan(0);
    expect(when).toMatch(/^[A-Z].*\.$/);
  }
});

test("no field has the name of one that every line has", () => {
  const names = events.flatMap(([, { fields, optional }]) => [...fields, ...optional]);
  for (const own of ["event", "level", "time", "msg", "watchdog"]) expect(names).not.toContain(own);
});

test("the type of the logger refuses other events, levels and fields: `tsc` fails where one of these is no error", () => {
  const lines: string[] = [];
  const line = (_fields: object, message: string) => lines.push(message);
  const log: Logger = { debug: line, info: line, warn: line, error: line };
  log.info({ event: "leadership", leading: true }, "as it should be");
  // @ts-expect-error
  log.info({}, "no event");
  // @ts-expect-error
  log.info({ event: "leader", leading: true }, "an event that the catalogue lacks");
  // @ts-expect-error
  log.info({ event: "leadership", leading: true, epoch: 3 }, "a field that the event lacks");
  // @ts-expect-error
  log.info({ event: "leadership" }, "a field that is left out");
  // @ts-expect-error
  log.error({ event: "leadership", leading: true }, "a level at which the event is not logged");
  expect(lines).toHaveLength(6);
});
