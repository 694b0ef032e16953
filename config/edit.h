/*
 * Changing a TTL in a configuration's text, and nothing else: comments, order, white space and line ends stay
 * byte for byte. A table or a pattern without a `ttl` of its own gets one, behind its first member, on a line
 * of its own with that one's indentation where that stands on one.
 *
 * The text must be one that ra_config_load takes.
 */
#ifndef RA_CONFIG_EDIT_H
#define RA_CONFIG_EDIT_H

#include "config/config.h"

enum { RA_EDIT_ERROR = 256 };

typedef struct ra_edit {
    const char *table;   /* as `tables` names it */
    const char *pattern; /* NULL: the table's own */
    int64_t ttl;         /* ms */
    bool unless_stated;  /* where there is a `ttl` already that one stays */
} ra_edit;

/* Pure. The new text, for free(), of *out_n bytes; NULL: error says why (the table isn't there, no memory).
 */
char *ra_edit_text(const char *text, size_t n, const ra_edit *edits, size_t nedits, size_t *out_n,
                   char error[RA_EDIT_ERROR]);

/*
 * The same with a file: the new one is written beside it, loaded as a configuration, and only then takes its
 * place, at once (rename). Mode and, where that is allowed, owner stay; a symbolic link stays one. false: it
 * is as it was. Then error says why, and *problems, which is always set, what would have been wrong.
 */
bool ra_edit_file(const char *path, const ra_edit *edits, size_t nedits, ra_problems *problems,
                  char error[RA_EDIT_ERROR]);

#endif
