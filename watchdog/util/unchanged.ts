/**
 * Computes what follows from an answer once for as long as that is the same object. The result is shared: to be read only.
 *
 * @param derive its result belongs to its first argument, and is forgotten with it; only the newest one is kept
 */
export function perAnswer<A extends readonly [object, ...unknown[]], T>(
  derive: (...answers: A) => T,
): (...answers: A) => T {
  const known = new WeakMap<object, { readonly answers: A; readonly result: T }>();
  return (...answers) => {
    const [first] = answers;
    const last = known.get(first);
    if (last?.answers.every((answer, position) => answer === answers[position])) return last.result;
    const result = derive(...answers);
    known.set(first, { answers, result });
    return result;
  };
}
