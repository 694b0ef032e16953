/* The address to listen on: "127.0.0.1:8080", "[::]:8080", "localhost:8080". Pure: looks no names up. */
#ifndef RA_CONFIG_ADDRESS_H
#define RA_CONFIG_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { RA_ADDRESS_HOST_MAX = 64 };

enum ra_address_result {
    RA_ADDRESS_OK,
    RA_ADDRESS_MALFORMED,
    RA_ADDRESS_EXPOSED /* well-formed; other machines may reach it */
};

/* host: without brackets. Neither is set if the result is RA_ADDRESS_MALFORMED. */
enum ra_address_result ra_address_parse(const char *text, char host[RA_ADDRESS_HOST_MAX], uint16_t *port);

/* A numeric address of this machine alone, without brackets, or "localhost". */
bool ra_address_is_loopback(const char *host);

#endif
