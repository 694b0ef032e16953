/* An encryption key as text. Pure. */
#ifndef RA_CONFIG_SECRET_KEY_H
#define RA_CONFIG_SECRET_KEY_H

#include "config/config.h"

/* 64 hexadecimal digits, or the base64 of 32 bytes (RFC 4648; its '=' may be missing). false: neither; `out`
 * is then undefined. */
bool ra_secret_key_parse(const char *text, unsigned char out[RA_ENCRYPTION_KEY_BYTES]);

#endif
