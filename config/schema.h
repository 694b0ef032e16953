/*
 * The option table: every option stands here once, with its type, default, bounds and one line of doc. The
 * loader, the messages, the "did you mean" and `help config` all read this table and nothing else.
 *
 * Immutable; any thread.
 */
#ifndef RA_CONFIG_SCHEMA_H
#define RA_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The member that an option sets, by type; min and max are in the unit given. */
enum ra_option_type {
    RA_OPTION_DURATION, /* int64_t, ms */
    RA_OPTION_SIZE,     /* size_t, bytes */
    RA_OPTION_SHARE,    /* uint32_t, parts per million */
    RA_OPTION_PRICE,    /* int64_t, millionths of the currency */
    RA_OPTION_COUNT,    /* unsigned */
    RA_OPTION_BOOL,     /* bool */
    RA_OPTION_CHOICE,   /* an enum: the index into choices */
    RA_OPTION_TEXT,     /* char *; min and max bytes; no control characters */
    RA_OPTION_NAME,     /* char *; min and max bytes of [A-Za-z0-9_.-] */
    RA_OPTION_REGION,   /* char *: an AWS region */
    RA_OPTION_ENDPOINT, /* char *: http(s)://host[:port] */
    RA_OPTION_ADDRESS,  /* an ra_config_listen's host, port and exposed */
    RA_OPTION_PATH,     /* char *, made relative to the config file's folder */
    RA_OPTION_READABLE, /* as PATH, and the file can be read */
    RA_OPTION_OUTPUT,   /* as PATH, or "-" as it is: standard output */
    RA_OPTION_TEXTS,    /* ra_texts: an array; min and max strings, none of them empty; preset: with commas */
    RA_OPTION_TEXT_OR_TEXTS, /* the same, or one string */
    RA_OPTION_CHOICES, /* unsigned, a set: bit n is the n-th of choices; an array of at least one of them */
    RA_OPTION_CHOICE_OR_OBJECT, /* as CHOICE; an object's members are left to the loader's own code */
    RA_OPTION_SECRET,           /* char *; min and max visible ASCII characters; never shown */
    RA_OPTION_KEYS_URL,  /* char *: "https://...", or "http://..." of a loopback address; never shown */
    RA_OPTION_REDIS_URL, /* an ra_config_redis's first members; never shown */
    RA_OPTION_MOMENTO_ENDPOINT, /* char *: an address, or a cell's name; normalised */
    RA_OPTION_MOMENTO_KEY,      /* char *: an API key; never shown */
    RA_OPTION_KEY,              /* unsigned char[RA_ENCRYPTION_KEY_BYTES]; never shown */
    RA_OPTION_KEYS,             /* ra_encryption_keys: an array; min and max keys */
    RA_OPTION_TEMPLATE,  /* a string with placeholders; the loader's own code reads it, as it does the rest */
    RA_OPTION_OBJECT,    /* the rest hold other options, or values of their own */
    RA_OPTION_OBJECTS,   /* an array of objects; min and max elements */
    RA_OPTION_TEXT_MAP,  /* an object of strings whose members' names are free; min and max members */
    RA_OPTION_OBJECT_MAP /* the same of objects */
};

typedef struct ra_option {
    const char *name;
    enum ra_option_type type;
    bool reloadable; /* false: takes effect only at the next start */
    /* All proxies of a Redis must have the same value (proxy/store_pact.h): with that store it isn't
     * reloadable. */
    bool pact;
    /* What an object's members are, or those of an array's or a map's elements; NULL: values of their own. */
    const struct ra_section *within;
    size_t offset;
    int64_t min;
    int64_t max;
    const char *preset;         /* the default as a file would spell it; NULL: see preset_doc */
    const char *preset_doc;     /* where the default isn't one value, in words; NULL: must be given */
    const char *const *choices; /* of a CHOICE, ended by NULL */
    const char *doc;
} ra_option;

/* The members of one kind of object. */
typedef struct ra_section {
    const char *path; /* as in messages: "", "upstream", "tables.NAME.patterns[]" */
    const ra_option *options;
    size_t noptions;
    /* A section whose options may stand in this object too, with its struct at `also_offset`; may be NULL. */
    const struct ra_section *also;
    size_t also_offset;
    bool also_inherited; /* their defaults are those of the object around, not their presets */
} ra_section;

extern const ra_section ra_section_root, ra_section_listen, ra_section_listen_tls, ra_section_admin,
    ra_section_admin_tls, ra_section_auth, ra_section_sigv4, ra_section_jwt, ra_section_cognito,
    ra_section_backend, ra_section_upstream, ra_section_cache, ra_section_redis, ra_section_momento,
    ra_section_near, ra_section_ddb, ra_section_policy, ra_section_table, ra_section_pattern,
    ra_section_schema, ra_section_index, ra_section_access_log, ra_section_prices, ra_section_streams,
    ra_section_stream_rule, ra_section_stream_rows, ra_section_cors, ra_section_route, ra_section_query,
    ra_section_allow, ra_section_allow_query, ra_section_reply, ra_section_validate, ra_section_generate;

/* All that appear in a file, in the order of the documentation; ended by NULL. */
extern const ra_section *const ra_sections[];

/* The option of that name in the section or in what it also takes; *base is where its struct begins then. */
const ra_option *ra_section_find(const ra_section *s, const char *name, size_t *base);
/* All names of a section, `also` included: at most max of them. */
size_t ra_section_names(const ra_section *s, const char **names, size_t max);

enum { RA_SECTION_NAMES_MAX = 32 };

/* What an option's values are, for a person: `a duration, such as "5s", from 1ms to 30s`. */
enum { RA_OPTION_ACCEPTED_MAX = 256 };
void ra_option_accepted(const ra_option *o, char out[RA_OPTION_ACCEPTED_MAX]);

#endif
