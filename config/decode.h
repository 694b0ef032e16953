/*
 * From a JSON tree to structs, by the option table.
 *
 * A decoder collects problems and goes on: a value that is refused leaves the default in place, so that one
 * run finds everything that is wrong. Threads: none.
 */
#ifndef RA_CONFIG_DECODE_H
#define RA_CONFIG_DECODE_H

#include "config/config.h"
#include "config/locator.h"
#include "config/pool.h"
#include "config/reference.h"
#include "config/schema.h"

typedef struct ra_decoder {
    ra_pool *pool; /* owns what ends up in the configuration */
    ra_problems *problems;
    ra_locator *locator;
    const char *folder; /* where relative paths begin */
    bool literal;       /* references have been resolved before: no string is one */
    bool no_memory;     /* reported once, at the end */
} ra_decoder;

/* Where in the document we are: a chain on the stack, from the value up to the root. */
typedef struct ra_place {
    const struct ra_place *up; /* NULL: the root */
    const char *name;          /* of a member; NULL: an element */
    int index;                 /* of an element, from 0 */
    const cJSON *node;
} ra_place;

void ra_decode_error(ra_decoder *d, const ra_place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ra_decode_warning(ra_decoder *d, const ra_place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "tables.cruddur-messages.patterns[0].ttl", malloc'ed; NULL without memory. */
char *ra_place_path(const ra_place *at);

/*
 * The member of that name as a place, false if there is none or it was refused. `node` of `in` may be NULL.
 */
bool ra_decode_member(const ra_decoder *d, const ra_place *in, const char *name, ra_place *member);

/* Sets every option of the section (not what it `also` takes) to its preset, if it has one. */
void ra_decode_presets(ra_decoder *d, const ra_section *s, void *base);
/*
 * Reads an object's members into the struct at `base`: its scalars; members that hold other options are
 * checked for their type alone and left to the caller. Finds unknown, repeated and missing names. false: it
 * isn't an object.
 */
bool ra_decode_object(ra_decoder *d, const ra_section *s, const ra_place *at, void *base);

/* Finds names given twice in an object whose names are free; ra_decode_object does so itself. */
void ra_decode_repeated(ra_decoder *d, const ra_place *at);

/* What the string at this place stands for; see config/reference.h. A literal one counts as the value of a
 * reference, so that it isn't printed either. */
bool ra_decode_reference(const ra_decoder *d, const ra_place *at, const char **value, const char **source,
                         char error[RA_REFERENCE_ERROR_MAX]);

/* Memory of the pool; notes it in the decoder if there is none. */
void *ra_decode_array(ra_decoder *d, size_t count, size_t size);
char *ra_decode_strdup(ra_decoder *d, const char *s);

#endif
