/** Positions of members in the text of a JSON document, which JSON.parse has accepted. */

export interface Member {
  readonly key: string;
  readonly keyAt: number;
  readonly valueAt: number;
  readonly valueEnd: number;
}

export interface ObjectSpan {
  /** Position of the opening brace. */
  readonly at: number;
  readonly members: readonly Member[];
  /** Position after the closing brace. */
  readonly end: number;
}

export function spanOfObject(text: string, at: number): ObjectSpan {
  const members: Member[] = [];
  let position = skipSpace(text, at + 1);
  while (text[position] !== "}") {
    const keyAt = position;
    const keyEnd = endOfString(text, keyAt);
    const valueAt = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueAt);
    const key: string = JSON.parse(text.slice(keyAt, keyEnd));
    members.push({ key, keyAt, valueAt, valueEnd });
    position = skipSpace(text, valueEnd);
    if (text[position] === ",") position = skipSpace(text, position + 1);
  }
  return { at, members, end: position + 1 };
}

export function skipSpace(text: string, from: number): number {
  let position = from;
  while (" \t\r\n".includes(text[position] ?? "x")) position += 1;
  return position;
}

function endOfString(text: string, from: number): number {
  let position = from + 1;
  while (text[position] !== '"') position += text[position] === "\\" ? 2 : 1;
  return position + 1;
}

function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== "{" && first !== "[") return from + (/^[^,\]}\s]*/.exec(text.slice(from))?.[0].length ?? 0);
  let depth = 0;
  let position = from;
  do {
    const character = text[position];
    if (character === '"') position = endOfString(text, position) - 1;
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    position += 1;
  } while (depth > 0);
  return position;
}
