/*
 * Made-up people. A person is made from an index whenever one is needed; nothing of them is kept.
 *
 * Every pair of a first and a family name that go together is used once, in an order that the key decides,
 * before any is used again; then the handles get numbers. So handles are unique. Pure; any thread.
 */
#ifndef RA_PROXY_DDB_GENERATE_PEOPLE_H
#define RA_PROXY_DDB_GENERATE_PEOPLE_H

#include "cache/bytes.h"
#include "proxy/ddb_generate_random.h"

enum { RA_PERSON_NAME_MAX = 128 };

typedef struct ra_people {
    uint64_t key;
    uint64_t names; /* pairs of them */
    uint64_t step, from;
} ra_people;

typedef struct ra_person {
    char uuid[RA_UUID_TEXT];
    char display_name[RA_PERSON_NAME_MAX];
    char handle[RA_PERSON_NAME_MAX]; /* a to z, digits, '.' and '_' */
    ra_bytes first;                  /* what friends call them; in static memory */
} ra_person;

ra_people ra_people_of(uint64_t key);
void ra_person_make(const ra_people *people, uint64_t index, ra_person *out);

#endif
