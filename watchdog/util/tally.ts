/** Counts by labels, which only grow. */
export class Tally<Labels extends Readonly<Record<string, string>>> {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  add(labels: Labels): void {
    const key = JSON.stringify(labels);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { labels, count: 1 });
    else known.count += 1;
  }

  counts(): readonly Readonly<{ labels: Labels; count: number }>[] {
    return [...this.#counts.values()].map(({ labels, count }) => ({ labels, count }));
  }
}
