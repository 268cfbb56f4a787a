/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of a vector and scalars, term after term: in chunks of float16, each of which is then added to sums of float32.
 * Included for each number of sums, which defines CHUNKS, the function's name, EACH_SUM(DO), a list of them, and ASM_LOAD and
 * ASM_LANE, how the vector is loaded; GROUP chooses between registers in groups of eight and of four.
 */

static void CHUNKS(const factors *f, uint32_t first, size_t vl, float *to)
{
    const groat_conv_float *k = f->k;
    const rvv_half *w = f->w + (f->by_pixels ? first * f->apart : 0);
    const uint32_t pixel = f->pixel + (f->by_pixels ? 0 : first);
    const uint32_t lane = f->lane, step = f->step;
    const size_t apart = vl; /* sums of float32 */
    EACH_SUM(DECLARE_SUM)
    CLEAR_SUMS
    uint32_t room = SUM_TERMS;
    int begun = 0;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const rvv_half *x = tap_of(k, f->rows, r, t, pixel);
            const rvv_half *from = f->by_pixels ? x : w;
            const rvv_half *next = f->by_pixels ? w : x;
#define DO(n)                    \
    const rvv_half *s##n = next; \
    next += f->apart;
            EACH_SUM(DO)
#undef DO
            for (uint32_t terms = k->run, some; terms > 0; terms -= some) {
                if (room == 0) {
                    if (begun) {
                        EACH_SUM(ADD_SUM)
                    } else {
                        EACH_SUM(SET_SUM)
                    }
                    begun = 1;
                    CLEAR_SUMS
                    room = SUM_TERMS;
                }
                uint32_t left = some = at_most(terms, room);
                room -= some;
                ADD_ALONG(ASM_LOAD_TERM)
            }
            w = f->by_pixels ? s0 : from;
        }
    }
    if (begun) {
        EACH_SUM(ADD_SUM)
    } else {
        EACH_SUM(SET_SUM)
    }
}

#undef CHUNKS
#undef EACH_SUM
