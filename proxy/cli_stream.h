/*
 * `readaside stream`: the rules of the configuration's `stream_rules`, applied to the streams of the tables
 * that they name, until SIGTERM or SIGINT, or with --once until all that is in the streams has been handled.
 * Threads: main's; one more for each table.
 */
#ifndef RA_PROXY_CLI_STREAM_H
#define RA_PROXY_CLI_STREAM_H

#include "config/config.h"
#include "config/endpoint.h"

/* What was given on the command line, and what follows from it. */
typedef struct ra_stream_given {
    const char *config_path, *endpoint, *ca_file, *access_key, *state, *dead_letters;
    unsigned tries;
    bool from_now, once, json;
} ra_stream_given;

/* The proxy's endpoint where none is given: the configuration's listen.address, as this machine reaches it.
 * NULL, or what is wrong in words. */
const char *ra_stream_proxy_endpoint(const ra_config_listen *l, char out[RA_ENDPOINT_MAX]);

/* argv[0] is "stream". Returns the exit status. */
int ra_cli_stream(int argc, char **argv);

#endif
