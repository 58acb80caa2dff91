/** HAProxy's configuration as its parser splits it up: sections of lines of words. Unknown keywords are kept as they are. */

export interface ConfigurationFile {
  readonly name: string;
  readonly text: string;
}

export interface Line {
  /** `haproxy.cfg:12`. */
  readonly place: string;
  readonly words: readonly string[];
}

export interface Section {
  /** `frontend`, `defaults`, … */
  readonly kind: string;
  /** Empty where it has none. */
  readonly name: string;
  readonly place: string;
  readonly lines: readonly Line[];
}

/** Keywords that begin a section, see the table of contents of HAProxy's configuration.txt. */
const SECTIONS: ReadonlySet<string> = new Set([
  ...["global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "mailers", "userlist", "program"],
  ...["http-errors", "ring", "cache", "log-forward", "log-profile", "fcgi-app", "crt-store", "traces", "acme"],
]);

const PROXIES: ReadonlySet<string> = new Set(["frontend", "backend", "listen"]);

/**
 * The sections of several files, which HAProxy reads one after the other. Proxies have the lines of their `defaults` before
 * their own. Of conditional blocks (`.if`) all branches count.
 */
export function readConfiguration(files: readonly ConfigurationFile[]): readonly Section[] {
  const sections: Section[] = [];
  let defaults: Section | null = null;
  for (const section of files.flatMap(sectionsOf)) {
    if (section.kind === "defaults") defaults = section;
    sections.push(PROXIES.has(section.kind) ? withDefaults(section, sections, defaults) : section);
  }
  return sections;
}

function sectionsOf({ name, text }: ConfigurationFile): readonly Section[] {
  const sections: { kind: string; name: string; place: string; lines: Line[] }[] = [];
  for (const [position, line] of text.split("\n").entries()) {
    const words = wordsOf(line);
    const place = `${name}:${position + 1}`;
    const [first = "", second = "", ...others] = words;
    if (first === "" || first.startsWith(".")) continue;
    if (!SECTIONS.has(first)) {
      sections.at(-1)?.lines.push({ place, words });
      continue;
    }
    const isUnnamed = second === "from";
    const from = isUnnamed ? others[0] : others[0] === "from" ? others[1] : undefined;
    const lines = from === undefined ? [] : [{ place, words: ["from", from] }];
    sections.push({ kind: first, name: isUnnamed ? "" : second, place, lines });
  }
  return sections;
}

/** With the lines of the `defaults` that it names, else of the last one before it. */
function withDefaults(section: Section, before: readonly Section[], last: Section | null): Section {
  const [, named] = section.lines.find(({ words: [first] }) => first === "from")?.words ?? [];
  const inherited =
    named === undefined ? last : before.findLast(({ kind, name }) => kind === "defaults" && name === named);
  return { ...section, lines: [...(inherited?.lines ?? []), ...section.lines] };
}

/**
 * Words are separated by spaces; quotes and backslashes keep spaces in a word, and `#` begins a comment. A variable of the
 * environment, which is expanded between double quotes alone, stays as it is written.
 */
export function wordsOf(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let position = 0; position < line.length; position += 1) {
    const character = line[position] ?? "";
    if (character === "\\" && quote !== "'") {
      position += 1;
      word = `${word ?? ""}${line[position] ?? ""}`;
    } else if (quote !== null) {
      if (character === quote) quote = null;
      else word = `${word ?? ""}${character}`;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (character === "#") {
      break;
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = `${word ?? ""}${character}`;
    }
  }
  return word === null ? words : [...words, word];
}
