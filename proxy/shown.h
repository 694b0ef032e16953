/* What a peer has written, shown in a message: printable ASCII, cut to a length. Pure. */
#ifndef RA_PROXY_SHOWN_H
#define RA_PROXY_SHOWN_H

#include "cache/bytes.h"

/* Ends with a zero; "..." stands for what is cut off. `size` is at least 5. */
void ra_shown(ra_bytes text, char *out, size_t size);

#endif
