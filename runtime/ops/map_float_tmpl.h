/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of one float, element by element.  Included for each op and type, which defines PARAMS, DTYPE, ELEMENT,
 * WIDE and NARROW, and a function `valid` of the parameters and a function `map` of them and a float.
 */
static int check(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    GROAT_TRY(groat_check_tensor(call, 0, DTYPE, p->elements));
    GROAT_TRY(groat_check_tensor(call, 1, DTYPE, p->elements));
    GROAT_REQUIRE(valid(p));
    return GROAT_OK;
}

static void run(const groat_call *call)
{
    const PARAMS *p = groat_params(call);
    const ELEMENT *in = groat_in(call, 0);
    ELEMENT *out = groat_out(call, 0);
    for (uint32_t i = 0; i < p->elements; i++) {
        out[i] = NARROW(map(p, WIDE(in[i])));
    }
}
