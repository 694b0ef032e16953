/* Checks on text that came from a file, the environment or a person. Pure. */
#ifndef RA_CONFIG_TEXT_H
#define RA_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the well-formed UTF-8 sequence (RFC 3629) at p, 0 if there is none. n > 0. */
size_t ra_text_utf8(const char *p, size_t n);
/* The offset of the first byte that isn't well-formed UTF-8; n if all is. */
size_t ra_text_valid(const char *p, size_t n);
/* Whether there is a control character (C0, DEL or C1). `z` must be well-formed UTF-8. */
bool ra_text_has_control(const char *z);

enum { RA_TEXT_SHOWN_MAX = 320 };
/*
 * For messages: `z` in double quotes, control characters as \u00XX, cut to 48 characters with "..." after
 * them, so that whatever stands in a file can't garble a terminal or flood a log.
 */
void ra_text_show(const char *z, char out[RA_TEXT_SHOWN_MAX]);

#endif
