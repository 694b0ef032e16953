#include "proxy/ddb_generate_spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ACCEPTED "accepted: users=U,groups=G,messages=M"

enum { USERS, GROUPS, MESSAGES, COUNTS, SHOWN_MAX = 40 };

typedef struct count {
    const char *name;
    uint64_t least, most;
} count;

static const count counts[COUNTS] = {
    {"users", 2, RA_GENERATE_USERS_MAX},
    {"groups", 1, RA_GENERATE_GROUPS_MAX},
    {"messages", 1, RA_GENERATE_MESSAGES_MAX},
};

/* Digits only, no larger than `most` (which is far from 2^64). */
static bool read_number(const char *p, size_t n, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(p[i] - '0');
        if (value > most)
            return false;
    }
    *out = value;
    return true;
}

static int shown(size_t n)
{
    return n < SHOWN_MAX ? (int)n : SHOWN_MAX;
}

/* One "name=number" of n bytes. */
static bool read_part(const char *p, size_t n, uint64_t values[COUNTS], bool given[COUNTS], char *why)
{
    const char *equals = memchr(p, '=', n);
    size_t name = equals ? (size_t)(equals - p) : n;
    size_t i = 0;
    while (i < COUNTS && (strlen(counts[i].name) != name || memcmp(counts[i].name, p, name) != 0))
        i++;
    if (i == COUNTS || !equals) {
        snprintf(why, RA_GENERATE_WHY_MAX, "'%.*s' isn't one of its parts; " ACCEPTED, shown(n), p);
        return false;
    }
    if (given[i]) {
        snprintf(why, RA_GENERATE_WHY_MAX, "%s is there twice; " ACCEPTED, counts[i].name);
        return false;
    }
    given[i] = true;
    size_t digits = n - name - 1;
    if (read_number(equals + 1, digits, counts[i].most, &values[i]) && values[i] >= counts[i].least)
        return true;
    snprintf(why, RA_GENERATE_WHY_MAX, "%s '%.*s': accepted: a number from %" PRIu64 " to %" PRIu64,
             counts[i].name, shown(digits), equals + 1, counts[i].least, counts[i].most);
    return false;
}

bool ra_generate_spec_parse(const char *text, ra_generate_spec *spec, char why[RA_GENERATE_WHY_MAX])
{
    uint64_t values[COUNTS] = {0};
    bool given[COUNTS] = {false};
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        if (!read_part(p, n, values, given, why))
            return false;
        p += n;
        if (*p == '\0')
            break;
    }
    for (size_t i = 0; i < COUNTS; i++) {
        if (!given[i]) {
            snprintf(why, RA_GENERATE_WHY_MAX, "%s is missing; " ACCEPTED, counts[i].name);
            return false;
        }
    }
    if (values[MESSAGES] < values[GROUPS]) {
        snprintf(why, RA_GENERATE_WHY_MAX,
                 "messages=%" PRIu64 " is fewer than groups=%" PRIu64 ": each group has at least one message",
                 values[MESSAGES], values[GROUPS]);
        return false;
    }
    spec->users = values[USERS];
    spec->groups = values[GROUPS];
    spec->messages = values[MESSAGES];
    return true;
}

bool ra_generate_seed_parse(const char *text, uint64_t *seed, char why[RA_GENERATE_WHY_MAX])
{
    if (read_number(text, strlen(text), RA_GENERATE_SEED_MAX, seed))
        return true;
    snprintf(why, RA_GENERATE_WHY_MAX, "'%.*s': accepted: a number from 0 to %" PRIu64, shown(strlen(text)),
             text, RA_GENERATE_SEED_MAX);
    return false;
}
