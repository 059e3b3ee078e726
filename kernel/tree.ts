/**
 * The one order in which n values are summed: by the length alone, never by backend, threads, tiles or fusion.
 *
 *   blocks of 256 consecutive values                 b = floor(k / 256)
 *   four interleaved partial sums in a block         p[k mod 4], each in ascending order of k
 *   a block's sum                                    (p0 + p1) + (p2 + p3)
 *   above the blocks, adjacent pairs, level by level; an odd one at the end moves up a level as it is
 *
 * The same tree serves products, maxima and minima, sums inside matrix products, and the n-ary addN.
 * Partial results start at the operation's identity; for a sum that is -0, the only x + y identity that keeps the
 * sign of zero, so a value that is absent adds nothing at all. An empty sum is +0.
 *
 * A kernel vectorized over k holds p0..p3 as four lanes; one vectorized over outputs holds four accumulators, or runs
 * through k mod 4 = 0, then 1, 2, 3. Both are the same additions.
 *
 * Prefix sums: inside a block of 256 the running sum from the block's start, in ascending order, beginning at -0; then block
 * b adds, on the left, the inclusive prefix of the block totals up to b-1, which is computed by the same scan: out = offset + local.
 * Block 0 adds nothing. Prefix products, maxima and minima go the same way, from their own identities.
 */
export const BLOCK = 256;
export const PARTIALS = 4;
