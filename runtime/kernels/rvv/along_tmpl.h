/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products of vectors and scalars that follow each other, in runs.  Included for each number of sums, which defines
 * ALONG, the function's name, and EACH_SUM(DO), a list of them; GROUP chooses registers in groups of eight.
 */

static void ALONG(const term_runs *runs, uint32_t x_first, uint32_t w_first, size_t vl, float *to, uint32_t apart)
{
    const uint32_t step = runs->w_step * (uint32_t)sizeof(ELEMENT), lane = 0;
    EACH_SUM(DECLARE_SUM)
    CLEAR_SUMS
    uint32_t room = SUM_TERMS;
    for (uint32_t r = 0; r < runs->count; r++) {
        const ELEMENT *from = runs->w[r] + w_first;
        const ELEMENT *next = runs->x[r] + x_first;
#define DO(n)                   \
    const ELEMENT *s##n = next; \
    next += runs->x_step;
        EACH_SUM(DO)
#undef DO
        for (uint32_t terms = runs->terms, some; terms > 0; terms -= some) {
            some = at_most(terms, SUM_TERMS);
            if (some > room) {
                EACH_SUM(ADD_SUM)
                CLEAR_SUMS
                room = SUM_TERMS;
            }
            uint32_t left = some;
            room -= some;
            ADD_ALONG(ASM_LOAD)
        }
    }
    EACH_SUM(ADD_SUM)
}

#undef ALONG
#undef EACH_SUM
