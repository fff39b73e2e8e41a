/** An order that hangs on a name alone, so that a page looks the same each time. */

/**
 * @template T
 * @param {readonly T[]} things
 * @param {string} seed
 * @returns {T[]}
 */
export function shuffled(things, seed) {
  const order = [...things];
  const chance = chances(seed);
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = Math.floor(chance() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Numbers from 0 to 1: a hash of the seed (FNV-1a) drives a small generator (mulberry32). */
function chances(seed) {
  let state = 0x811c9dc5;
  for (const letter of seed) state = Math.imul(state ^ letter.codePointAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
