/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the fuzz target on files, without libFuzzer and with any compiler: replay FILE ...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FILE_MAX = 1 << 16
};

int main(int argc, char **argv)
{
    static uint8_t data[FILE_MAX];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        /* The last line names the file if the next call does not return. */
        printf("%s\n", argv[i]);
        fflush(stdout);
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%d files\n", argc - 1);
    return 0;
}
