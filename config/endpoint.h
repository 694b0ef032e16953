/* Upstream endpoints: "https://dynamodb.eu-west-1.amazonaws.com", "http://127.0.0.1:8000". Pure. */
#ifndef RA_CONFIG_ENDPOINT_H
#define RA_CONFIG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

enum { RA_ENDPOINT_MAX = 320 };

/*
 * Brings "http(s)://host[:port][/]" to one spelling: scheme and host in lower case, no default port (HTTP
 * clients leave it out of the Host header, which is signed), no trailing slash. Returns NULL, or what is
 * wrong with the text in words that don't repeat it.
 */
const char *ra_endpoint_normalise(const char *text, char out[RA_ENDPOINT_MAX]);

/* A host's name, an IPv4 address, or an IPv6 address in brackets. */
bool ra_endpoint_host_valid(const char *host, size_t n);
/* 1 to 64 lower-case letters, digits and '-'. */
bool ra_region_valid(const char *region);
/* AWS's DynamoDB endpoint in that region, by its partition's domain. false: it doesn't fit. */
bool ra_endpoint_for_region(const char *region, char out[RA_ENDPOINT_MAX]);
/*
 * The endpoint for DynamoDB Streams that belongs to a normalised endpoint: AWS's own for an endpoint of AWS
 * (also the FIPS and the dual-stack ones), any other as it is. false: it doesn't fit.
 */
bool ra_endpoint_for_streams(const char *endpoint, char out[RA_ENDPOINT_MAX]);
/* The region in the host name of an AWS endpoint; false: it isn't one. */
bool ra_endpoint_region(const char *endpoint, char *out, size_t size);

#endif
