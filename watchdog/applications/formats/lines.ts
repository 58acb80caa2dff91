/** Texts as lines, for formats whose settings are lines. */

/** A line with its line end, so that joining restores the text. */
export interface Line {
  readonly text: string;
  /** "\n", "\r\n", or "" for a last line without one. */
  readonly end: string;
}

export function linesOf(text: string): readonly Line[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((raw) => {
    const end = raw.endsWith("\r\n") ? "\r\n" : raw.endsWith("\n") ? "\n" : "";
    return { text: raw.slice(0, raw.length - end.length), end };
  });
}

/** The line end of the first line, for added lines. */
export function lineEndOf(lines: readonly Line[]): string {
  return lines[0]?.end === "\r\n" ? "\r\n" : "\n";
}

/** Joins lines; adds a line end to the last one, because readers take a line without one for incomplete. */
export function joinLines(lines: readonly Line[], end: string): string {
  return lines.map((line) => line.text + (line.end === "" ? end : line.end)).join("");
}

export type Quote = '"' | "'" | "";

/** The part of a line after the equals sign. */
export interface SettingText {
  readonly value: string;
  readonly quote: Quote;
  /** With its mark; "": none. */
  readonly comment: string;
}

/**
 * A value with its quotes and the comment behind it.
 *
 * @param text without blanks around it
 * @param marks characters that begin a comment
 */
export function settingText(text: string, marks: string): SettingText {
  const quoted = new RegExp(`^(["'])(.*?)\\1[ \\t]*([${marks}].*)?$`, "s").exec(text);
  if (quoted !== null) {
    const [, quote, value = "", comment = ""] = quoted;
    return { value, quote: quote === "'" ? "'" : '"', comment };
  }
  const commented = new RegExp(`^(.*?)(?:^|[ \\t]+)([${marks}].*)$`, "s").exec(text);
  return { value: commented?.[1] ?? text, quote: "", comment: commented?.[2] ?? "" };
}

/** A UTF-8 byte order mark in latin1. */
const BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";

export function splitMark(text: string): { readonly mark: string; readonly content: string } {
  const mark = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : "";
  return { mark, content: text.slice(mark.length) };
}
