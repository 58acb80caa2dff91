import type { FieldKey, FileLayout } from "../../config/file-layout.ts";
import type { Line } from "./lines.ts";

/** Lines of an INI file as libescluster reads them (clients/c/src/endpoint-file.c): blanks are space, tab and CR. */

/** A setting of the endpoint. */
export interface OwnSetting {
  readonly kind: "own";
  readonly field: FieldKey;
  /** The text before the value, and the value without blanks around it. */
  readonly before: string;
  readonly raw: string;
  readonly delimiter: "=" | ":";
}

export type IniPart =
  | OwnSetting
  | { readonly kind: "header" }
  /** A setting of another program in the section. */
  | { readonly kind: "foreign" }
  /** Neither setting nor comment; `continues`: indented, as the further lines of a value are. */
  | { readonly kind: "no-setting"; readonly continues: boolean }
  /** Outside the section, a comment, or blank. */
  | { readonly kind: "other" };

export function iniParts(lines: readonly Line[], { section, fields }: FileLayout): readonly IniPart[] {
  let inSection = section === "";
  return lines.map(({ text }): IniPart => {
    const line = trimBlanks(text);
    if (line.startsWith("[")) {
      // What follows the bracket is a comment. A header without one names no section.
      const close = line.indexOf("]");
      const name = close < 0 ? null : trimBlanks(line.slice(1, close));
      inSection = name !== null && name.toLowerCase() === section.toLowerCase() && section !== "";
      return { kind: inSection ? "header" : "other" };
    }
    if (!inSection || line === "" || /^[;#]/.test(line)) return { kind: "other" };
    return settingOf(text, fields) ?? { kind: "no-setting", continues: /^[ \t]/.test(text) };
  });
}

/** null: no setting. A colon counts where there is no equals sign, as for Python's configparser. */
function settingOf(text: string, fields: readonly FieldKey[]): IniPart | null {
  const delimiter = text.includes("=") ? "=" : ":";
  const at = text.indexOf(delimiter);
  if (at < 0) return null;
  const name = trimBlanks(text.slice(0, at)).toLowerCase();
  const field = fields.find(({ key }) => key.toLowerCase() === name);
  if (field === undefined) return delimiter === "=" ? { kind: "foreign" } : null;
  const rest = text.slice(at + 1);
  const blanks = /^[ \t\r]*/.exec(rest)?.[0] ?? "";
  return { kind: "own", field, before: text.slice(0, at + 1) + blanks, raw: trimBlanks(rest), delimiter };
}

export const trimBlanks = (text: string): string => text.replace(/^[ \t\r]+/, "").replace(/[ \t\r]+$/, "");
