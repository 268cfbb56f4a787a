/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products, added to arrays of float32: what gradients of convolutions are made of.  Three sums and the vector
 * that they share are all 32 registers; the other factors are scalars.
 */

/* ---- Terms side by side: to[p * apart + lane] += sum over t of x[p * x_step + t] * w[t * w_step + lane] ---- */

enum {
    RUNS = 8 /* that are summed before their sums are added to memory */
};

/* Runs of `terms` terms each. */
typedef struct term_runs {
    uint32_t count;
    uint32_t terms;
    uint32_t x_step; /* from one sum's scalars to those of the next */
    uint32_t w_step; /* from one term's vector to the next */
    const ELEMENT *x[RUNS];
    const ELEMENT *w[RUNS];
} term_runs;

#define ASM_LANE ""
#define GROUP(of_8, of_4) of_8
#define ALONG along_one
#define EACH_SUM(DO) DO(0)
#include "along_tmpl.h"
#define ALONG along_three
#define EACH_SUM(DO) DO(0) DO(1) DO(2)
#include "along_tmpl.h"
#undef GROUP

/* Of `outputs` sets of sums, with `lanes` in each. */
static void add_along(const term_runs *runs, uint32_t outputs, uint32_t lanes, float *to, uint32_t apart)
{
    for (uint32_t i = 0, vl; i < lanes; i += vl, to += vl) {
        vl = (uint32_t)SUM_VL(lanes - i);
        uint32_t p = 0;
        for (; outputs - p >= 3; p += 3) {
            along_three(runs, p * runs->x_step, i, vl, to + p * apart, apart);
        }
        for (; p < outputs; p++) {
            along_one(runs, p * runs->x_step, i, vl, to + p * apart, apart);
        }
    }
}

/* ---- Sums side by side: to[n * to_step + lane] += sum over terms of y[n] * x[lane] ------------------------- */

#define GROUP(of_8, of_4) of_8
#define ACROSS across_one
#define EACH_SUM(DO) DO(0)
#include "across_tmpl.h"
#define ACROSS across_two
#define EACH_SUM(DO) DO(0) DO(1)
#include "across_tmpl.h"
#define ACROSS across_three
#define EACH_SUM(DO) DO(0) DO(1) DO(2)
#include "across_tmpl.h"
#undef GROUP
#define GROUP(of_8, of_4) of_4
#define ACROSS across_six
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#include "across_tmpl.h"
#undef GROUP

/* Of `sums` sets of sums, with `lanes` in each. */
static void add_across(const terms *t, const ELEMENT *x, const ELEMENT *y, uint32_t sums, uint32_t lanes, float *to,
                       uint32_t to_step)
{
    for (size_t vl; lanes > 0; lanes -= vl, x += vl, to += vl) {
        vl = SUM_VL(lanes);
        for (uint32_t n = 0, left; n < sums;) {
            left = sums - n;
            float *of_sum = to + n * to_step;
            if (left >= 6 && vl <= SUM4_VLMAX) { /* half of the registers for each are enough */
                across_six(t, x, y + n, vl, of_sum, to_step);
                n += 6;
            } else if (left >= 3) {
                across_three(t, x, y + n, vl, of_sum, to_step);
                n += 3;
            } else if (left == 2) {
                across_two(t, x, y + n, vl, of_sum, to_step);
                n += 2;
            } else {
                across_one(t, x, y + n, vl, of_sum, to_step);
                n++;
            }
        }
    }
}
