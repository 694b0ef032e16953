/* Where a value stands, in the notation of the messages. */
#include "config/decode.h"
#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && name[n] == '\0' && n <= 255;
}

static void print_path(const ra_place *at, FILE *out)
{
    char shown[RA_TEXT_SHOWN_MAX];
    if (!at->up)
        return;
    print_path(at->up, out);
    if (!at->name) {
        fprintf(out, "[%d]", at->index);
    } else if (is_plain(at->name)) {
        fprintf(out, "%s%s", at->up->up ? "." : "", at->name);
    } else {
        ra_text_show(at->name, shown);
        fprintf(out, "[%s]", shown);
    }
}

char *ra_place_path(const ra_place *at)
{
    char *path = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&path, &n);
    if (!out)
        return NULL;
    print_path(at, out);
    if (fclose(out) != 0) {
        free(path);
        return NULL;
    }
    return path;
}
