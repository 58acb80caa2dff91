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
