/** Positions of operations, a bit each: an export may have many millions. */
export class Positions {
  #bits = new Uint8Array(1_024);
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  add(position: number): void {
    if (this.has(position)) return;
    const at = position >> 3;
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(this.#bits.length * 2, at + 1));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (position & 7));
    this.#size += 1;
  }

  has(position: number): boolean {
    return ((this.#bits[position >> 3] ?? 0) & (1 << (position & 7))) !== 0;
  }
}
