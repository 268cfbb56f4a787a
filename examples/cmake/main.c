/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the linked model once on a made-up input and prints what comes out.
 */
#include <stdio.h>

#include <groat/groat.h>

#include "model.h"

/* `groat analyze` says how much a model needs; groat_open refuses less. */
static _Alignas(16) uint8_t arena[64 * 1024];

int main(void)
{
    groat_t net;
    int status = groat_open(&net, model, model_bytes, arena, sizeof arena);
    if (status != GROAT_OK) {
        printf("cannot open the model: %s\n", groat_status_text(status));
        return 1;
    }

    /* Yours: a picture, sound, measurements; in the scale and type that groat_input_tensor says. */
    uint8_t *input = groat_input(&net, 0);
    for (uint32_t i = 0; i < groat_input_bytes(&net, 0); i++) {
        input[i] = (uint8_t)(7 * i);
    }

    groat_run(&net);

    const int8_t *output = groat_output(&net, 0);
    for (uint32_t i = 0; i < groat_output_bytes(&net, 0); i++) {
        printf("%d\n", output[i]);
    }
    return 0;
}
