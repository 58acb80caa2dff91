/**
 * `*` matches any run of characters, as in Elasticsearch; nothing else is special. Compared in place: it is asked thousands of times
 * in a round.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let inName = 0;
  /** The last `*`, and how far its run reaches: extended when what follows it does not match. */
  let star = -1;
  let runEnd = 0;
  while (inName < name.length) {
    if (pattern[at] === "*") {
      star = at;
      runEnd = inName;
      at += 1;
    } else if (pattern[at] === name[inName]) {
      at += 1;
      inName += 1;
    } else if (star >= 0) {
      runEnd += 1;
      inName = runEnd;
      at = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

/** Whether there is a name that both patterns match. */
export function patternsOverlap(a: string, b: string): boolean {
  // What was compared: patterns of n and m characters have n·m pairs of ends.
  const compared = new Map<string, boolean>();
  const overlap = (inA: number, inB: number): boolean => {
    const key = `${inA} ${inB}`;
    const known = compared.get(key);
    if (known !== undefined) return known;
    const found = ends(inA, inB);
    compared.set(key, found);
    return found;
  };
  const ends = (inA: number, inB: number): boolean => {
    if (a[inA] === "*") return overlap(inA + 1, inB) || (inB < b.length && overlap(inA, inB + 1));
    if (b[inB] === "*") return overlap(inA, inB + 1) || (inA < a.length && overlap(inA + 1, inB));
    if (inA === a.length || inB === b.length) return inA === a.length && inB === b.length;
    return a[inA] === b[inB] && overlap(inA + 1, inB + 1);
  };
  return overlap(0, 0);
}
