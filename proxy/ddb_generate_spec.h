/*
 * How much to make up: "users=U,groups=G,messages=M" and a seed. Pure; any thread.
 */
#ifndef RA_PROXY_DDB_GENERATE_SPEC_H
#define RA_PROXY_DDB_GENERATE_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#define RA_GENERATE_USERS_MAX    UINT64_C(100000000)
#define RA_GENERATE_GROUPS_MAX   UINT64_C(100000000)
#define RA_GENERATE_MESSAGES_MAX UINT64_C(10000000000)
#define RA_GENERATE_SEED_MAX     UINT64_C(9007199254740991) /* what every JSON reader keeps exactly */

enum { RA_GENERATE_WHY_MAX = 256 };

typedef struct ra_generate_spec {
    uint64_t users;    /* at least 2 */
    uint64_t groups;   /* at least 1 */
    uint64_t messages; /* at least `groups` */
    uint64_t seed;
} ra_generate_spec;

/* The three counts, in any order, each once. false: `why` says what is wrong and what is accepted. */
bool ra_generate_spec_parse(const char *text, ra_generate_spec *spec, char why[RA_GENERATE_WHY_MAX]);
bool ra_generate_seed_parse(const char *text, uint64_t *seed, char why[RA_GENERATE_WHY_MAX]);

#endif
