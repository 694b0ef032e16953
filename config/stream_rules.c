#include "config/stream_rules.h"

#include "config/document.h"
#include "config/suggest.h"
#include "config/text.h"

#include <string.h>

/* The bits of ra_stream_rule.events. */
enum { ON_INSERT = 1, ON_REMOVE = 4 };

enum { ATTRIBUTE_NAME_MAX = 255, HINT_NAME_MAX = 80 };

/* One rule while it is decoded. */
typedef struct build {
    ra_decoder *d;
    const ra_config *config;
    const ra_place *at;
    ra_stream_rule *rule;
    bool tables_known; /* `tables` could be read */
} build;

/* ---- placeholders ---- */

static const char accepted[] = "accepted: {new.ATTRIBUTE}, of the item as it is now, and {star}";

/* {new.NAME} for another {SOURCE.NAME} or {NAME}, where that is likely to be meant; else "". */
static void hint_of(const char *name, size_t len, char out[RA_TEMPLATE_WHY_MAX])
{
    static const char *const words[] = {"star", "new"};
    char text[HINT_NAME_MAX + 1] = "", shown[RA_TEXT_SHOWN_MAX];
    *out = '\0';
    if (len == 0 || len > HINT_NAME_MAX)
        return;
    memcpy(text, name, len);
    char *dot = strchr(text, '.');
    const char *attribute = dot ? dot + 1 : text;
    ra_text_show(attribute, shown);
    if (dot)
        *dot = '\0';
    const char *nearest = ra_suggest(text, words, sizeof words / sizeof *words);
    if (!dot && nearest == words[0])
        snprintf(out, RA_TEMPLATE_WHY_MAX, " (did you mean {star}?)");
    else if (*attribute && (!dot || nearest == words[1] || strcmp(text, "old") == 0))
        snprintf(out, RA_TEMPLATE_WHY_MAX, " (did you mean {new.%.*s}?)", (int)strlen(shown) - 2, shown + 1);
}

/* What the star stands for can be told only if it is all that isn't literal. */
static bool check_star(const build *b, char why[RA_TEMPLATE_WHY_MAX])
{
    const char *glob = b->rule->partition_key, *star = glob ? strchr(glob, '*') : NULL;
    ra_place at;
    bool readable = ra_decode_member(b->d, b->at, "partition_key", &at) || !at.node;
    if (!readable || (star && !strchr(star + 1, '*') && !strchr(glob, '?')))
        return true;
    snprintf(why, RA_TEMPLATE_WHY_MAX,
             "{star} is what the '*' of the rule's `partition_key` stands for; accepted: with one '*' and no "
             "'?' there, as in \"MSG#*\"");
    return false;
}

typedef struct attribute_name {
    const char *text; /* NULL: the star */
    size_t len;
} attribute_name;

static bool same(const char *input, attribute_name name)
{
    return input && name.text ? strlen(input) == name.len && memcmp(input, name.text, name.len) == 0
                              : !input && !name.text;
}

/* The slot of an attribute, or of the star, whose text is NULL: a new one if no template has named it yet. */
static int take_slot(build *b, attribute_name name, char why[RA_TEMPLATE_WHY_MAX])
{
    ra_stream_rule *r = b->rule;
    for (size_t i = 0; i < r->ninputs; i++) {
        if (same(r->inputs[i], name))
            return (int)i;
    }
    if (r->ninputs == RA_TEMPLATE_SLOTS_MAX) {
        snprintf(why, RA_TEMPLATE_WHY_MAX, "the rule names too many attributes; accepted: at most %d",
                 RA_TEMPLATE_SLOTS_MAX);
        return -1;
    }
    char *input = name.text ? ra_pool_strndup(b->d->pool, name.text, name.len) : NULL;
    if (name.text && !input) {
        b->d->no_memory = true;
        why[0] = '\0';
        return -1;
    }
    r->inputs[r->ninputs] = input;
    return (int)r->ninputs++;
}

static int find(void *arg, const char *name, size_t len, char why[RA_TEMPLATE_WHY_MAX])
{
    static const char source[] = "new.";
    const size_t n = sizeof source - 1;
    char hint[RA_TEMPLATE_WHY_MAX];
    build *b = arg;
    if (len == 4 && memcmp(name, "star", 4) == 0)
        return check_star(b, why) ? take_slot(b, (attribute_name){0}, why) : -1;
    if (len > n && memcmp(name, source, n) == 0 && len - n <= ATTRIBUTE_NAME_MAX)
        return take_slot(b, (attribute_name){.text = name + n, .len = len - n}, why);
    hint_of(name, len, hint);
    snprintf(why, RA_TEMPLATE_WHY_MAX, "there is no such placeholder%.120s; %s", hint, accepted);
    return -1;
}

/* ---- a rule's parts ---- */

static const ra_table_schema *schema_of(const build *b)
{
    for (size_t i = 0; i < b->config->ntables; i++) {
        const ra_table_config *t = &b->config->tables[i];
        if (b->rule->table && t->name && strcmp(t->name, b->rule->table) == 0)
            return t->schema;
    }
    return NULL;
}

static void check_table(const build *b)
{
    ra_place at;
    if (!ra_decode_member(b->d, b->at, "table", &at) || !b->rule->table || !b->tables_known)
        return;
    for (size_t i = 0; i < b->config->ntables; i++) {
        const char *name = b->config->tables[i].name;
        if (name && (strcmp(name, b->rule->table) == 0 || strcmp(name, "*") == 0))
            return;
    }
    ra_decode_error(b->d, &at,
                    "no entry of `tables` is this table's; accepted: a table with an entry there, or with "
                    "\"*\" there");
}

static void check_events(const build *b)
{
    ra_place at;
    if (!ra_decode_member(b->d, b->at, "on", &at)) {
        b->rule->events = ON_INSERT;
    } else if (b->rule->events & ON_REMOVE) {
        ra_decode_error(b->d, &at,
                        "of an item that is gone there is no new image; accepted: \"INSERT\" and \"MODIFY\"");
    }
}

/* Where the config itself says the table's indexes, a query of another can only fail. */
static void check_index(const build *b, const ra_place *rows, const ra_table_schema *s)
{
    ra_place at;
    if (!s || !ra_decode_member(b->d, rows, "index", &at) || !b->rule->rows_index)
        return;
    for (size_t i = 0; i < s->nindexes; i++) {
        if (s->indexes[i].name && strcmp(s->indexes[i].name, b->rule->rows_index) == 0)
            return;
    }
    ra_decode_error(b->d, &at, "the table's \"schema\" has no such index; accepted: one that it names");
}

static void decode_rows(build *b)
{
    const ra_template_names names = {.find = find, .arg = b};
    ra_template *key = &b->rule->rows_partition_key;
    ra_place rows, at;
    if (!ra_decode_member(b->d, b->at, "rows", &rows) ||
        !ra_decode_object(b->d, &ra_section_stream_rows, &rows, b->rule))
        return;
    if (ra_decode_member(b->d, &rows, "partition_key", &at) && ra_decode_template(b->d, &at, &names, key) &&
        key->n == 0)
        ra_decode_error(b->d, &at, "it is empty; accepted: a string with placeholders, of a byte at least");
    check_index(b, &rows, schema_of(b));
}

static void decode_field(build *b, const ra_place *at, ra_route_field *f)
{
    const ra_template_names names = {.find = find, .arg = b};
    size_t n = strlen(at->name);
    f->name = ra_decode_strdup(b->d, at->name);
    if (n == 0 || n > ATTRIBUTE_NAME_MAX)
        ra_decode_error(b->d, at, "not an attribute's name; accepted: one of 1 to %d bytes",
                        ATTRIBUTE_NAME_MAX);
    ra_decode_template(b->d, at, &names, &f->value);
}

/* Where the config itself says the table's keys: a row moves within its partition, to another sort key. */
static void check_set(const build *b, const ra_place *set, const ra_table_schema *s)
{
    ra_place at;
    if (!s || !s->partition_key)
        return;
    if (!s->sort_key) {
        ra_decode_error(b->d, set,
                        "the table's \"schema\" has no sort key, so that there is nothing to move rows by; "
                        "accepted: a table with one");
        return;
    }
    if (ra_decode_member(b->d, set, s->partition_key, &at))
        ra_decode_error(b->d, &at,
                        "it is the table's partition key, in which a row stays; accepted: the sort key and "
                        "other attributes");
    if (!cJSON_GetObjectItemCaseSensitive(set->node, s->sort_key))
        ra_decode_error(b->d, set, "the table's sort key isn't among them; accepted: \"%.255s\" with others",
                        s->sort_key);
}

static void decode_set(build *b)
{
    ra_stream_rule *r = b->rule;
    ra_place set;
    if (!ra_decode_member(b->d, b->at, "set", &set))
        return;
    r->set = ra_decode_array(b->d, (size_t)cJSON_GetArraySize(set.node), sizeof *r->set);
    ra_decode_repeated(b->d, &set);
    for (const cJSON *c = set.node->child; c && r->set; c = c->next) {
        ra_place at = {.up = &set, .name = c->string, .node = c};
        decode_field(b, &at, &r->set[r->nset++]);
    }
    check_set(b, &set, schema_of(b));
}

/* ---- all rules ---- */

static void check_name(const build *b, const ra_stream_rule *first)
{
    ra_place at;
    if (!ra_decode_member(b->d, b->at, "name", &at) || !b->rule->name)
        return;
    for (; first < b->rule; first++) {
        if (first->name && strcmp(first->name, b->rule->name) == 0) {
            ra_decode_error(b->d, &at, "another rule has this name; accepted: each name once");
            return;
        }
    }
}

static void decode_rule(build *b)
{
    if (!ra_decode_object(b->d, &ra_section_stream_rule, b->at, b->rule))
        return;
    b->rule->inputs = ra_decode_array(b->d, RA_TEMPLATE_SLOTS_MAX, sizeof *b->rule->inputs);
    if (!b->rule->inputs)
        return;
    check_table(b);
    check_events(b);
    decode_rows(b);
    decode_set(b);
}

void ra_decode_stream_rules(ra_decoder *d, const ra_place *root, ra_config *c)
{
    ra_place rules, tables;
    if (!ra_decode_member(d, root, "stream_rules", &rules))
        return;
    bool tables_known = ra_decode_member(d, root, "tables", &tables) || !tables.node;
    c->stream_rules = ra_decode_array(d, (size_t)cJSON_GetArraySize(rules.node), sizeof *c->stream_rules);
    if (!c->stream_rules)
        return;
    for (const cJSON *child = rules.node->child; child; child = child->next) {
        ra_place at = {.up = &rules, .index = (int)c->nstream_rules, .node = child};
        build b = {.d = d,
                   .config = c,
                   .at = &at,
                   .rule = &c->stream_rules[c->nstream_rules++],
                   .tables_known = tables_known};
        decode_rule(&b);
        check_name(&b, c->stream_rules);
    }
}
