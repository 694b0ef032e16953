/*
 * Routes: REST paths that the config declares, compiled once at load. A route says which requests it takes
 * (method, path, what must be there), what it takes from them (inputs), which one DynamoDB operation they
 * become, and how DynamoDB's reply is shown. Nothing of a table's design is known to the code: it is all
 * here.
 *
 * Ownership: the configuration's pool. Immutable; any thread. Units: status codes are HTTP's; characters are
 * Unicode code points.
 */
#ifndef RA_CONFIG_ROUTE_H
#define RA_CONFIG_ROUTE_H

#include "config/template.h"

#include <stdint.h>

enum ra_route_method { RA_ROUTE_GET, RA_ROUTE_POST, RA_ROUTE_PUT, RA_ROUTE_PATCH, RA_ROUTE_DELETE };

/* Of them a route has one; TransactWriteItems is the only one that names several tables' items. */
enum ra_route_operation {
    RA_ROUTE_QUERY,
    RA_ROUTE_GET_ITEM,
    RA_ROUTE_PUT_ITEM,
    RA_ROUTE_UPDATE_ITEM,
    RA_ROUTE_DELETE_ITEM,
    RA_ROUTE_TRANSACT_WRITE_ITEMS
};

enum ra_input_source {
    RA_INPUT_PATH,   /* {path.NAME}: a segment of the path, percent-decoded, never empty */
    RA_INPUT_QUERY,  /* {query.NAME}: a parameter of the query string, decoded; '+' is a space */
    RA_INPUT_HEADER, /* {header.NAME}: NAME in any case */
    RA_INPUT_BODY,   /* {body.NAME}: a member of the JSON object in the body: a string, or a number's text */
    RA_INPUT_NOW,    /* {now}: made by the proxy, one per request, ISO 8601 UTC with µs and "+00:00" */
    RA_INPUT_UUID,   /* {uuid.NAME}: made by the proxy, one per request and NAME, version 4 */
    RA_INPUT_CLAIM   /* {claim.NAME}: of who calls, by token or by word of a trusted back end; never blank */
};

/* Who may call a route; a set of them. */
enum ra_caller {
    RA_CALLER_ANYONE = 1, /* whoever can reach it; what is shown as a proof must be right all the same */
    RA_CALLER_JWT = 2,    /* who shows a token that auth.jwt takes */
    RA_CALLER_BACKEND = 4 /* who shows auth.backend.secret */
};

enum ra_input_format { RA_FORMAT_ANY, RA_FORMAT_UUID };

/*
 * One thing that a route takes from the request, or makes; the slots of its templates are indices into its
 * inputs. An input is *blank* when it is absent, null, or nothing but white space.
 */
typedef struct ra_route_input {
    enum ra_input_source source;
    char *name;         /* NULL for {now} */
    char *place;        /* "body.message": as the config writes it, for messages */
    bool required;      /* a blank one is refused with the code `blank` */
    unsigned max_chars; /* a longer one is refused with the code `too_long`; 0: any length */
    unsigned format;    /* enum ra_input_format: what isn't of it is refused with the code `malformed` */
    char *preset;       /* what an absent one stands for that isn't required */
    char *blank, *too_long, *malformed;
    unsigned status; /* of these refusals: 422 gives an array of all codes, another the first one's error */
} ra_route_input;

enum ra_route_order { RA_ORDER_OLDEST, RA_ORDER_NEWEST };

/* A Query of one partition, its key attributes' names and types known from the table's schema. */
typedef struct ra_route_query {
    char *table;
    char *index; /* NULL: the table itself */
    ra_template partition_key;
    unsigned order; /* enum ra_route_order: newest first is ScanIndexForward false */
    unsigned limit; /* when the request names none */
    unsigned max_limit;
    /* The inputs that page through: slots, -1 for none. Both bounds are exclusive. */
    int limit_from;
    int before_from;
    int after_from;
} ra_route_query;

/* A member of the reply's objects. */
typedef struct ra_route_field {
    char *name;
    char *attribute;   /* of `each` and `item`: the attribute whose value it is */
    ra_template value; /* of `object` */
} ra_route_field;

enum ra_route_shape {
    RA_REPLY_EACH,  /* Query: an array, one element for each item */
    RA_REPLY_ITEM,  /* GetItem: the item, or 404 */
    RA_REPLY_OBJECT /* made from templates, for operations whose reply says nothing */
};

typedef struct ra_route_reply {
    enum ra_route_shape shape;
    ra_route_field *fields; /* of EACH and ITEM: with none, every attribute under its own name */
    size_t nfields;
    unsigned order; /* of EACH: how the array is sorted */
    unsigned status;
} ra_route_reply;

/* One segment of a path: text, or a parameter. */
typedef struct ra_route_segment {
    char *text; /* decoded; NULL: the parameter */
    int slot;   /* of the input path.NAME; -1: no template uses it, and nothing validates it */
} ra_route_segment;

struct ra_route;

/*
 * What must be so besides: an item that the query finds has all of these attributes. It is asked before
 * anything else of the route is done, and read through the cache like any query.
 */
typedef struct ra_route_allow {
    const struct ra_route
        *query;          /* a route of its own, which nobody calls: a query, and this route's inputs */
    ra_route_field *has; /* each `name` is an attribute (a string or a number), `value` what it must be */
    size_t nhas;         /* at least one */
} ra_route_allow;

typedef struct ra_route {
    char *name;
    unsigned method; /* enum ra_route_method */
    char *path;      /* as the config writes it */
    ra_route_segment *segments;
    size_t nsegments; /* 0: the path "/" can't be a route, so there is at least one */
    int *when;        /* slots of the inputs that must not be blank, else the next route is tried */
    size_t nwhen;
    ra_route_input *inputs; /* those under `validate` first, in the file's order */
    size_t ninputs;         /* at most RA_TEMPLATE_SLOTS_MAX */
    size_t nvalidated; /* how many are under `validate`; the rest are only told of when these are right */
    bool reads_body;   /* some input is of the body: it must be a JSON object */
    unsigned callers;  /* set of enum ra_caller */
    ra_route_allow *allow_if; /* NULL: whoever may call it may have it */
    unsigned operation;       /* enum ra_route_operation */
    ra_route_query *query;    /* NULL: `request` */
    ra_document request;      /* the operation's request body */
    ra_route_reply reply;
} ra_route;

/* A list of strings. */
typedef struct ra_texts {
    char **v;
    size_t n;
} ra_texts;

/* Cross-origin requests to routes (WHATWG Fetch, "CORS protocol"). No origin: no CORS headers at all. */
typedef struct ra_config_cors {
    ra_texts allow_origins; /* "https://example.com", or "*" alone */
    ra_texts allow_headers; /* besides Content-Type and the headers that routes read */
    ra_texts expose_headers;
    bool allow_credentials; /* not with "*" */
    int64_t max_age;        /* ms */
} ra_config_cors;

/* Made-up items for load tests; see `readaside ddb seed --generate`. The slots are enum ra_generate_slot. */
enum ra_generate_slot {
    RA_GENERATE_GROUP_UUID,
    RA_GENERATE_MESSAGE_UUID,
    RA_GENERATE_MESSAGE_TEXT,
    RA_GENERATE_MESSAGE_CREATED_AT,
    RA_GENERATE_USER_UUID, /* whose message, or whose list, it is */
    RA_GENERATE_USER_DISPLAY_NAME,
    RA_GENERATE_USER_HANDLE,
    RA_GENERATE_OTHER_UUID, /* the other member of the group */
    RA_GENERATE_OTHER_DISPLAY_NAME,
    RA_GENERATE_OTHER_HANDLE,
    RA_GENERATE_SLOTS
};
/* Their names in the config, "group.uuid" and so on, in the enum's order. */
extern const char *const ra_generate_slot_names[RA_GENERATE_SLOTS];

typedef struct ra_config_generate {
    char *table;
    ra_document message;    /* the item of each message */
    ra_document membership; /* the item of each member of a group; the message is the group's newest */
} ra_config_generate;

#endif
