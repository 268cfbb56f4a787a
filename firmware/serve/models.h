/* SPDX-License-Identifier: Apache-2.0
 *
 * Which model the server serves; in firmware that takes models from the host (GROAT_SERVE), also how they come there.
 */
#ifndef GROAT_MODELS_H
#define GROAT_MODELS_H

#include <groat/groat.h>

#include "../app/protocol.h"

/* A model, and a memory for each of its regions. */
typedef struct groat_served {
    const void *model;
    uint32_t bytes; /* that may be read there */
    const groat_memory *memories;
} groat_served;

/* ---- What the server does for models.c ----------------------------------------------------------- */

/* Serves this model from now on; or says why not, and serves none. */
int32_t groat_server_open(const groat_served *served);

/* Serves none; requests that need one are answered with this status. */
void groat_server_close(int32_t status);

void groat_server_reply(int32_t status, uint32_t bytes);
void groat_server_refuse(const groat_request *request, int32_t status);

/* ---- What models.c does for the server ----------------------------------------------------------- */

/* Serves the model that is there at the start, if any. */
void groat_models_start(void);

/* Serves a request of models.c's; returns 0 if it is none. */
int groat_models_serve(const groat_request *request);

#endif
