/**
 * A random sample of sequence numbers, the same for the same seed. Both regions keep a document under the same sequence
 * number, so a sample needs no list of documents and can be repeated.
 *
 * @param upTo the highest sequence number that both regions have; -1: none
 * @param size maximum number of samples; all numbers if there are fewer
 */
export function sampleSeqNos(seed: string, upTo: number, size: number): readonly number[] {
  const total = upTo + 1;
  if (total <= size) return Array.from({ length: Math.max(0, total) }, (_, seqNo) => seqNo);
  const next = generator(seed);
  const chosen = new Set<number>();
  while (chosen.size < size) chosen.add(Math.floor(next() * total));
  return [...chosen].sort((a, b) => a - b);
}

/** Numbers in [0, 1): mulberry32, seeded with the FNV-1a hash of the seed. Small, and sufficient for sampling. */
function generator(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) state = Math.imul(state ^ byte, 0x01000193) >>> 0;
  const draw32 = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  // 53 bits from two draws, so that samples reach beyond 2^32 operations.
  return () => ((draw32() >>> 5) * 2 ** 26 + (draw32() >>> 6)) / 2 ** 53;
}
