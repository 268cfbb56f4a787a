/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a model once a second and prints which of its outputs is the largest.
 */
#include <groat.h>

#include "model.h"

alignas(16) static uint8_t arena[8 * 1024];
static groat_t net;

void setup()
{
    Serial.begin(115200);
    int status = groat_open(&net, model, sizeof model, arena, sizeof arena);
    if (status != GROAT_OK) {
        Serial.println(groat_status_text(status));
        for (;;) {
            delay(1000);
        }
    }
}

void loop()
{
    static uint32_t step = 0;
    uint8_t *input = static_cast<uint8_t *>(groat_input(&net, 0));
    step++;
    for (uint32_t i = 0; i < groat_input_bytes(&net, 0); i++) {
        input[i] = static_cast<uint8_t>(step * i); /* a sensor's values belong here */
    }
    groat_run(&net);
    const int8_t *scores = static_cast<const int8_t *>(groat_output(&net, 0));
    uint32_t best = 0;
    for (uint32_t i = 1; i < groat_output_bytes(&net, 0); i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    Serial.println(best);
    delay(1000);
}
