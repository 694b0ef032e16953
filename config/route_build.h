/*
 * One route while it is decoded: what its parts (path, inputs, query, request, reply) know of each other.
 *
 * The order matters. The path's parameters come first, since placeholders name them; then `validate`, since
 * its inputs come first among a route's; the parameters that page come last, since they are only required if
 * something else has asked for them before. Threads: none.
 */
#ifndef RA_CONFIG_ROUTE_BUILD_H
#define RA_CONFIG_ROUTE_BUILD_H

#include "config/decode.h"
#include "config/given.h"

enum { RA_ROUTE_SEGMENTS_MAX = 32, RA_INPUT_NAME_MAX = 255 };

/* Sets of enum ra_input_source. */
enum {
    RA_FROM_REQUEST = 1 << RA_INPUT_PATH | 1 << RA_INPUT_QUERY | 1 << RA_INPUT_HEADER | 1 << RA_INPUT_BODY,
    RA_FROM_CALLER = RA_FROM_REQUEST | 1 << RA_INPUT_CLAIM, /* what isn't made by the proxy */
    RA_FROM_ANYWHERE = RA_FROM_CALLER | 1 << RA_INPUT_NOW | 1 << RA_INPUT_UUID
};

typedef struct ra_route_build {
    ra_decoder *d;
    const ra_config *config;
    const ra_place *at;
    ra_route_given given;
    ra_query_given query;
    bool tables_known; /* `tables` could be read */
    bool auth_known;   /* `auth` could be read */
    unsigned set_up;   /* set of enum ra_caller: those that `auth` speaks of; at least ANYONE */
    bool method_known;
    bool path_known;
    bool operation_known;
    const char *parameters[RA_ROUTE_SEGMENTS_MAX]; /* of each segment; NULL: it is text */
    ra_route_input inputs[RA_TEMPLATE_SLOTS_MAX];
    size_t ninputs;
    ra_route *allow_query; /* of `allow_if`; NULL: there is none */
} ra_route_build;

/* route_path.c */
void ra_route_path(ra_route_build *b);
/* The slots of the parameters, once all inputs are known. */
void ra_route_path_bind(ra_route_build *b);

/* route_inputs.c */
/*
 * The slot of an input as the config names it, "body.message"; a new one if there is none yet, required and
 * with the default codes. Its source must be in the set `from`. -1: `why` says what is wrong, or is ""
 * without memory.
 */
int ra_route_input_take(ra_route_build *b, const char *name, size_t len, unsigned from,
                        char why[RA_TEMPLATE_WHY_MAX]);
/* For the templates of a route: `arg` is the build. */
ra_template_names ra_route_names(ra_route_build *b);
/* The same without what the proxy makes itself. */
ra_template_names ra_route_names_of_caller(ra_route_build *b);

/* route_validate.c */
void ra_route_validate(ra_route_build *b);
void ra_route_when(ra_route_build *b);

/* route_query.c */
void ra_route_query_decode(ra_route_build *b, const ra_place *at);
void ra_route_query_paging(ra_route_build *b, const ra_place *at);
/* What a query must say, and that it can be found; its other members aren't touched. */
void ra_route_partition_decode(ra_route_build *b, const ra_place *at, const ra_template_names *names,
                               ra_route_query *q);
/* That reads of the table are cached, as far as the config says it at all; else an error at this place. */
void ra_route_check_table(ra_route_build *b, const ra_place *at, const char *table);

/* route_allow.c */
/* Who may call it. */
void ra_route_callers(ra_route_build *b);
/* Its `allow_if`, whose inputs are the route's. */
void ra_route_allow_decode(ra_route_build *b);
/* The same, once all inputs are known. */
void ra_route_allow_bind(ra_route_build *b);

/* route_request.c */
void ra_route_request_decode(ra_route_build *b, const ra_place *at);

/* route_answer.c */
void ra_route_answer_decode(ra_route_build *b);

/* route_check.c: routes against each other. `sound` says of each whether it was decoded without an error. */
void ra_route_check_all(ra_decoder *d, const ra_place *routes, const ra_config *c, const bool *sound);

#endif
