export interface Check {
  /** The subject: "licence of gra". */
  readonly check: string;
  readonly verdict: "ok" | "warn" | "fail";
  /** The finding, in a sentence. */
  readonly found: string;
  /** What to do about it; null where the verdict is ok. */
  readonly advice: string | null;
}

export const ok = (check: string, found: string): Check => ({ check, verdict: "ok", found, advice: null });
export const warn = (check: string, found: string, advice: string): Check => ({
  check,
  verdict: "warn",
  found,
  advice,
});
export const fail = (check: string, found: string, advice: string): Check => ({
  check,
  verdict: "fail",
  found,
  advice,
});

/** The check could not be made. */
export const unknown = (check: string, error: string): Check =>
  fail(check, `unknown: ${error}`, "make the region answer, then run preflight again");
