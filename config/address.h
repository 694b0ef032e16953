/* The address to listen on: "127.0.0.1:8080", "[::1]:8080", "localhost:8080". Pure: looks no names up. */
#ifndef RA_CONFIG_ADDRESS_H
#define RA_CONFIG_ADDRESS_H

#include <stdint.h>

enum { RA_ADDRESS_HOST_MAX = 64 };

enum ra_address_result {
    RA_ADDRESS_OK,
    RA_ADDRESS_MALFORMED,
    RA_ADDRESS_EXPOSED /* well-formed, but other machines could reach it */
};

/* host: without brackets. Both are set only if the result is RA_ADDRESS_OK. */
enum ra_address_result ra_address_parse(const char *text, char host[RA_ADDRESS_HOST_MAX], uint16_t *port);

#endif
