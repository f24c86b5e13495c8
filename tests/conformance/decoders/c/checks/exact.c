/* exact.c - decodes inputs that each lie in a heap block of their own size, so that the address
 * sanitizer sees a read beyond their end. SPDX-License-Identifier: BSD-3-Clause
 *
 * Standard input: for each input its size in 4 bytes, little-endian, then its bytes. Standard
 * output: the name of each status on a line. */
#include "../hstamp.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    static hstamp_stamp stamp;
    uint8_t head[4];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        uint8_t *input = malloc(size);
        if ((!input && size) || fread(input, 1, size, stdin) != size) {
            free(input);
            return 3;
        }
        puts(hstamp_status_name(hstamp_decode(input, size, &stamp)));
        free(input);
    }
    return 0;
}
