/*
 * The lines of a JSON document's values.
 *
 * cJSON keeps no positions. So the text is read twice: first here, strictly (RFC 8259), noting the line of
 * every value in document order, then by cJSON; the tree's nodes in the same order get those lines. What this
 * reader accepts cJSON reads without loss: no NULs, no lone surrogates, no control characters in strings.
 *
 * A member's line is that of its name. Ownership: the locator points to the tree's nodes and must not outlive
 * the tree.
 */
#ifndef RA_CONFIG_LOCATOR_H
#define RA_CONFIG_LOCATOR_H

#include "config/scan.h"

#include <cjson/cJSON.h>

typedef struct ra_located {
    const cJSON *node;
    int line;
    bool refused; /* it was found wrong: checks against other values make no sense */
} ra_located;

typedef struct ra_locator {
    ra_located *v; /* by document order; after ra_locator_bind by node */
    size_t n;
    size_t size;
} ra_locator;

/*
 * Reads a document without comments. false: not JSON, too deep, or no memory; *line and error say where and
 * what. Either way the locator must be freed.
 */
bool ra_locator_read(ra_locator *l, const char *text, size_t len, int *line, char error[RA_SCAN_ERROR_MAX]);
/* Gives the lines to the nodes that cJSON made of the same text. false: they aren't the same document. */
bool ra_locator_bind(ra_locator *l, const cJSON *root);
void ra_locator_free(ra_locator *l);

int ra_locator_line(const ra_locator *l, const cJSON *node); /* 0: unknown */
void ra_locator_refuse(ra_locator *l, const cJSON *node);
bool ra_locator_refused(const ra_locator *l, const cJSON *node); /* false for NULL */

#endif
