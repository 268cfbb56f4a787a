/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the linked model on a few made-up inputs and prints which output is the largest.
 */
#include <stdio.h>

#include <groat/groat.h>

#include "model.h"

static _Alignas(16) uint8_t arena[64 * 1024];

static uint32_t largest(const int8_t *values, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = values[i] > values[best] ? i : best;
    }
    return best;
}

int main(void)
{
    groat_t net;
    int status = groat_open(&net, model, model_bytes, arena, sizeof arena);
    if (status != GROAT_OK) {
        printf("cannot open the model: %s\n", groat_status_text(status));
        return 1;
    }
    for (uint32_t step = 1; step <= 5; step++) {
        uint8_t *input = groat_input(&net, 0);
        for (uint32_t i = 0; i < groat_input_bytes(&net, 0); i++) {
            input[i] = (uint8_t)(step * i);
        }
        groat_run(&net);
        printf("%u\n", (unsigned)largest(groat_output(&net, 0), groat_output_bytes(&net, 0)));
    }
    return 0;
}
