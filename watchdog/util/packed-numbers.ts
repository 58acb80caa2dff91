/** Whole numbers as bytes: all lowest bytes first, then the next ones, which compresses better than digits do. */

/** A list of numbers: what has to be known beside its bytes. */
export interface NumberList {
  readonly count: number;
  readonly least: number;
  /** Bytes of each number above the least one. */
  readonly width: number;
}

export class NumberWriter {
  readonly #bytes: number[] = [];

  write(numbers: readonly number[]): NumberList {
    const least = numbers.reduce((least, n) => Math.min(least, n), numbers[0] ?? 0);
    const width = widthOf(rangeOf(numbers));
    for (let place = 0; place < width; place += 1) {
      for (const n of numbers) this.#bytes.push(Math.floor((n - least) / 256 ** place) % 256);
    }
    return { count: numbers.length, least, width };
  }

  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

/** Reads the lists in the order in which they were written. */
export class NumberReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read({ count, least, width }: NumberList): readonly number[] {
    const start = this.#at;
    this.#at += count * width;
    if (this.#at > this.#bytes.length) throw new Error("a packed document that is cut off");
    return Array.from({ length: count }, (_, n) => {
      let number = least;
      for (let place = 0; place < width; place += 1) {
        number += (this.#bytes[start + place * count + n] ?? 0) * 256 ** place;
      }
      return number;
    });
  }
}

/** The distance from the least to the greatest: how much there is to store of each. */
export function rangeOf(numbers: readonly number[]): number {
  const least = numbers.reduce((a, b) => Math.min(a, b), numbers[0] ?? 0);
  return numbers.reduce((a, b) => Math.max(a, b), least) - least;
}

function widthOf(range: number): number {
  let width = 0;
  while (256 ** width <= range) width += 1;
  return width;
}
