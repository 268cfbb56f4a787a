/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens a model and prints its status and what that took: walks through streams, and rows of lines that were looked up.
 * Linked with --wrap of both functions.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/stream.h"
#include "groat/groat.h"

static unsigned long walks, lookups;

int __real_groat_for_each_unit(groat_walk *w, groat_visit visit);
int __wrap_groat_for_each_unit(groat_walk *w, groat_visit visit);
const groat_line *__real_groat_line_for(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y);
const groat_line *__wrap_groat_line_for(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y);

int __wrap_groat_for_each_unit(groat_walk *w, groat_visit visit)
{
    walks++;
    return __real_groat_for_each_unit(w, visit);
}

const groat_line *__wrap_groat_line_for(const groat_t *net, const groat_tensor *tensor, uint32_t tap, uint32_t y)
{
    lookups++;
    return __real_groat_line_for(net, tensor, tap, y);
}

int main(int count, char **arguments)
{
    enum {
        ROOM = 1 << 24
    };
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    unsigned char *model = aligned_alloc(16, ROOM), *arena = aligned_alloc(16, ROOM);
    if (file == NULL || model == NULL || arena == NULL) {
        fprintf(stderr, "usage: open_work MODEL\n");
        return 2;
    }
    uint32_t bytes = (uint32_t)fread(model, 1, ROOM, file);
    groat_t net;
    int status = groat_open(&net, model, bytes, arena, ROOM);
    printf("%s, %lu walks, %lu lookups\n", groat_status_text(status), walks, lookups);
    fclose(file);
    free(model);
    free(arena);
    return 0;
}
