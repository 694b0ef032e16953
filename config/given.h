/* What stands in the file where a snapshot holds what was worked out of it: the option table sets these. */
#ifndef RA_CONFIG_GIVEN_H
#define RA_CONFIG_GIVEN_H

#include "config/config.h"

typedef struct ra_route_given {
    ra_route route;
    ra_texts when; /* become slots */
} ra_route_given;

typedef struct ra_query_given {
    ra_route_query query;
    char *limit_from, *before_from, *after_from; /* become slots */
} ra_query_given;

typedef struct ra_table_given {
    ra_table_config table;
    unsigned stream; /* enum ra_stream_given */
} ra_table_given;

enum ra_stream_given { RA_STREAM_OFF, RA_STREAM_FOLLOW };

typedef struct ra_cognito_given {
    char *region, *user_pool_id; /* become the issuer and the address of its keys */
    ra_texts client_ids;
} ra_cognito_given;

typedef struct ra_ddb_given {
    ra_config_ddb ddb;
    char *get_conversation, *list_conversations; /* become routes */
} ra_ddb_given;

#endif
