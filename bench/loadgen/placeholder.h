/*
 * What a workload's templates may name: {NAME}, {NAME.LABEL}, {NAME:FORM}. The same text within one request
 * is the same value; a label makes it another one ({uuid.message}, {uuid.group}).
 *
 *   key                       a key's number, drawn as the operation's "distribution" says
 *   zipf uniform latest seq   the same, drawn in that way
 *   insert                    the number of a key that isn't there yet
 *   n                         while a table is filled: which of a key's items this is
 *   now                       the time, RFC 3339 with microseconds: all else depends on the seed alone
 *   uuid                      a random UUID
 *   random:N                  N random letters and digits
 *   text                      as many of them as the workload's item_size says
 *   table                     the table's name
 *
 * Numbers take a form: {key:8} has 8 digits, {key:uuid} is a UUID made of the number. Pure.
 */
#ifndef RA_BENCH_LOADGEN_PLACEHOLDER_H
#define RA_BENCH_LOADGEN_PLACEHOLDER_H

#include "config/template.h"

#include <stdint.h>

enum ra_placeholder_kind {
    RA_PLACE_KEY,
    RA_PLACE_ZIPF,
    RA_PLACE_UNIFORM,
    RA_PLACE_LATEST,
    RA_PLACE_SEQ,
    RA_PLACE_INSERT,
    RA_PLACE_N,
    RA_PLACE_NOW,
    RA_PLACE_UUID,
    RA_PLACE_RANDOM,
    RA_PLACE_TEXT,
    RA_PLACE_TABLE,
    RA_PLACE_KINDS
};

enum { RA_PLACE_WIDTH_MAX = 20, RA_PLACE_RANDOM_MAX = 400 * 1024, RA_PLACE_NAME_MAX = 64 };

typedef struct ra_placeholder {
    enum ra_placeholder_kind kind;
    bool uuid;       /* a number in that form */
    unsigned length; /* of a RANDOM; the least number of digits of a number */
    int same;        /* an earlier placeholder whose number it is, in another form; -1: none */
} ra_placeholder;

/* The placeholders of one operation. A template's slots are its indexes. */
typedef struct ra_placeholders {
    ra_placeholder v[RA_TEMPLATE_SLOTS_MAX];
    char names[RA_TEMPLATE_SLOTS_MAX][RA_PLACE_NAME_MAX];
    size_t n;
    unsigned accepted; /* bits by kind: those that make sense where it stands */
} ra_placeholders;

/* The kinds' bits. */
#define RA_PLACE_BIT(kind) (1U << (kind))
#define RA_PLACE_NUMBERS                                                                                     \
    (RA_PLACE_BIT(RA_PLACE_KEY) | RA_PLACE_BIT(RA_PLACE_ZIPF) | RA_PLACE_BIT(RA_PLACE_UNIFORM) |             \
     RA_PLACE_BIT(RA_PLACE_LATEST) | RA_PLACE_BIT(RA_PLACE_SEQ) | RA_PLACE_BIT(RA_PLACE_INSERT) |            \
     RA_PLACE_BIT(RA_PLACE_N))

/* For ra_template_names: `arg` is the ra_placeholders. */
int ra_placeholder_find(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX]);
/* The bits of the kinds that are there. */
unsigned ra_placeholder_used(const ra_placeholders *p);

#endif
