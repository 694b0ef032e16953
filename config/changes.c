#include "config/changes.h"

#include "config/decode.h"
#include "config/owner.h"
#include "config/same.h"

#include <stdlib.h>
#include <string.h>

typedef struct walk {
    const ra_config *now, *fresh;
    ra_changes *out;
    ra_standings *standings;
    bool pact;  /* proxies share a Redis */
    bool quiet; /* it has been said already that this has changed */
} walk;

/* ---- lists ---- */

void ra_names_free(ra_names *n)
{
    for (size_t i = 0; i < n->n; i++)
        free(n->v[i]);
    free(n->v);
    *n = (ra_names){0};
}

void ra_changes_free(ra_changes *c)
{
    ra_names_free(&c->changed);
    ra_names_free(&c->kept);
}

void ra_standings_free(ra_standings *s)
{
    ra_names_free(&s->retired);
    ra_names_free(&s->joining);
}

/* Takes `text` over. */
static void add_to(ra_changes *c, ra_names *n, size_t most, char *text_take)
{
    n->all++;
    if (n->n < most && text_take) {
        char **more = n->n & (n->n + 1) ? n->v : realloc(n->v, 2 * (n->n + 1) * sizeof *more);
        if (more) {
            n->v = more;
            n->v[n->n++] = text_take;
            return;
        }
        c->no_memory = true;
    }
    c->no_memory |= !text_take;
    free(text_take);
}

static void add(const walk *w, ra_names *n, size_t most, char *text_take)
{
    add_to(w->out, n, most, text_take);
}

void ra_changes_keep_table(ra_changes *c, const char *name)
{
    const ra_place root = {0}, tables = {.up = &root, .name = "tables"}, at = {.up = &tables, .name = name};
    add_to(c, &c->kept, RA_CHANGES_MAX, ra_place_path(&at));
}

static void note_changed(walk *w, const ra_place *at)
{
    if (!w->quiet)
        add(w, &w->out->changed, RA_CHANGES_MAX, ra_place_path(at));
}

static void note_kept(walk *w, const ra_place *at)
{
    add(w, &w->out->kept, RA_CHANGES_MAX, ra_place_path(at));
}

/* ---- documents ---- */

static cJSON *member(const cJSON *object, const char *name)
{
    return object ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

/* The member becomes a copy of `value`; NULL: there is none. */
static void put(walk *w, cJSON *object, const char *name, const cJSON *value)
{
    cJSON *copy = value ? cJSON_Duplicate(value, true) : NULL;
    bool there = member(object, name) != NULL, ok = copy || !value;
    if (ok && copy && there)
        ok = cJSON_ReplaceItemInObjectCaseSensitive(object, name, copy);
    else if (ok && copy)
        ok = cJSON_AddItemToObject(object, name, copy);
    else if (ok)
        cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    w->out->no_memory |= !ok;
}

/* ---- options ---- */

static void walk_section(walk *w, const ra_section *s, const ra_place *at, const cJSON *old, cJSON *fresh);
static void walk_tables(walk *w, const ra_place *at, const cJSON *old, cJSON *fresh);

static bool is_live(const walk *w, const ra_option *o)
{
    return o->reloadable && !(o->pact && w->pact);
}

/* The two differ: the new one is in force, or the old one stays. */
static void differ(walk *w, const ra_option *o, const ra_place *at, const cJSON *old, cJSON *fresh_in)
{
    if (is_live(w, o)) {
        note_changed(w, at);
        return;
    }
    note_kept(w, at);
    put(w, fresh_in, o->name, old);
}

/* Where an object that isn't given is an empty one. */
static bool is_always_there(const ra_option *o)
{
    return o->preset_doc && strcmp(o->preset_doc, "{}") == 0;
}

static void walk_object(walk *w, const ra_option *o, const ra_place *at, const cJSON *old, cJSON *fresh_in)
{
    cJSON *fresh = member(fresh_in, o->name);
    if (cJSON_IsObject(old) && cJSON_IsObject(fresh)) {
        walk_section(w, o->within, at, old, fresh);
    } else if (o->type == RA_OPTION_CHOICE_OR_OBJECT || !is_always_there(o)) {
        if (!ra_same_json(old, fresh))
            differ(w, o, at, old, fresh_in);
    } else {
        cJSON *made = fresh ? NULL : cJSON_AddObjectToObject(fresh_in, o->name);
        w->out->no_memory |= !fresh && !made;
        walk_section(w, o->within, at, old, fresh ? fresh : made);
        if (made && !made->child)
            cJSON_DeleteItemFromObjectCaseSensitive(fresh_in, o->name);
    }
}

/* Is the n-th of the one the n-th of the other, by name? */
static bool are_aligned(const cJSON *a, const cJSON *b)
{
    for (a = a->child, b = b->child; a && b; a = a->next, b = b->next) {
        const char *x = cJSON_GetStringValue(member(a, "name")), *y = cJSON_GetStringValue(member(b, "name"));
        if (!x || !y || strcmp(x, y) != 0)
            return false;
    }
    return !a && !b;
}

static void walk_array(walk *w, const ra_option *o, const ra_place *at, const cJSON *old, cJSON *fresh_in)
{
    cJSON *fresh = member(fresh_in, o->name);
    if (!old || !fresh || !is_live(w, o) || !are_aligned(old, fresh)) {
        if (!ra_same_list(old, fresh))
            differ(w, o, at, old, fresh_in);
        return;
    }
    int i = 0;
    const cJSON *before = old->child;
    for (cJSON *f = fresh->child; f; f = f->next, before = before->next) {
        const ra_place element = {.up = at, .index = i++, .node = f};
        walk_section(w, o->within, &element, before, f);
    }
}

/* Its members come and go. */
static void walk_map(walk *w, const ra_option *o, const ra_place *at, const cJSON *old, cJSON *fresh_in)
{
    cJSON *fresh = member(fresh_in, o->name);
    if (!cJSON_IsObject(old) || !cJSON_IsObject(fresh)) {
        if (!ra_same_list(old, fresh))
            differ(w, o, at, old, fresh_in);
        return;
    }
    for (cJSON *f = fresh->child; f; f = f->next) {
        const ra_place element = {.up = at, .name = f->string, .node = f};
        const cJSON *before = member(old, f->string);
        if (before)
            walk_section(w, o->within, &element, before, f);
        else
            note_changed(w, &element);
    }
    for (const cJSON *gone = old->child; gone; gone = gone->next) {
        const ra_place element = {.up = at, .name = gone->string, .node = gone};
        if (!member(fresh, gone->string))
            note_changed(w, &element);
    }
}

static void walk_option(walk *w, const ra_option *o, const ra_place *in, const cJSON *old_in, cJSON *fresh_in)
{
    const cJSON *old = member(old_in, o->name), *fresh = member(fresh_in, o->name);
    const ra_place at = {.up = in, .name = o->name, .node = fresh};
    if (!old && !fresh)
        return;
    if (o->within == &ra_section_table)
        walk_tables(w, &at, old, fresh_in);
    else if (o->within && (o->type == RA_OPTION_OBJECT || o->type == RA_OPTION_CHOICE_OR_OBJECT))
        walk_object(w, o, &at, old, fresh_in);
    else if (o->within && o->type == RA_OPTION_OBJECTS)
        walk_array(w, o, &at, old, fresh_in);
    else if (o->within)
        walk_map(w, o, &at, old, fresh_in);
    else if (!ra_same_value(o, old, fresh))
        differ(w, o, &at, old, fresh_in);
}

/* In the table's order: what stands earlier in a section is settled before what stands later. */
static void walk_section(walk *w, const ra_section *s, const ra_place *at, const cJSON *old, cJSON *fresh)
{
    for (; s && !w->out->no_memory; s = s->also)
        for (size_t i = 0; i < s->noptions; i++)
            walk_option(w, &s->options[i], at, old, fresh);
}

/* ---- tables ---- */

static enum ra_consistency consistency_of(const ra_config *c, const char *name)
{
    return ra_config_table(c, name, strlen(name))->consistency;
}

static bool is_followed(const cJSON *table)
{
    const char *stream = cJSON_GetStringValue(member(table, "stream"));
    return stream && strcmp(stream, "follow") == 0;
}

/* Do two tables' entries make the same pact? Patterns that have a say in it are compared whole. */
static bool same_pact(const cJSON *a, const cJSON *b)
{
    for (const ra_section *s = &ra_section_table; s; s = s->also)
        for (size_t i = 0; i < s->noptions; i++) {
            const ra_option *o = &s->options[i];
            if (o->pact && !ra_same_value(o, member(a, o->name), member(b, o->name)))
                return false;
        }
    return ra_same_list(member(a, "patterns"), member(b, "patterns"));
}

/* May the table's own entry and that of "*" take each other's place while the process lives? */
static bool may_stand_for(const walk *w, const char *name, const cJSON *table, const cJSON *any)
{
    return consistency_of(w->now, name) == consistency_of(w->fresh, name) &&
           ra_same_json(member(table, "schema"), member(any, "schema")) &&
           (!w->pact || same_pact(table, any));
}

/* Its writes haven't been marked. All that are under way will be waited for; but a write that nobody knows
 * the fate of may be carried out for a quarter of an hour, which is more than linearizable allows. */
static bool may_join(const walk *w, const char *name)
{
    return !w->pact && consistency_of(w->fresh, name) != RA_LINEARIZABLE;
}

static void stand(walk *w, ra_names *list, const char *name)
{
    add(w, list, SIZE_MAX, strdup(name));
}

/* One that the file names and that had no entry. */
static void come(walk *w, const ra_place *at, const cJSON *any, cJSON *tables)
{
    const ra_table_config *before = ra_config_table(w->now, at->name, strlen(at->name));
    bool may = before ? may_stand_for(w, at->name, at->node, any) : may_join(w, at->name);
    if (is_followed(at->node) || !may) {
        note_kept(w, at);
        put(w, tables, at->name, NULL);
        return;
    }
    note_changed(w, at);
    if (!before || before->standing == RA_TABLE_JOINING)
        stand(w, &w->standings->joining, at->name);
}

/* One that had an entry, in the file once. `any`: the file's "*". */
static void go(walk *w, const ra_place *at, const cJSON *old, const cJSON *any, cJSON *tables)
{
    const ra_table_config *before = ra_config_table(w->now, at->name, strlen(at->name));
    bool named = before->standing == RA_TABLE_NAMED;
    const ra_place stream = {.up = at, .name = "stream"};
    if (any && may_stand_for(w, at->name, old, any) && !is_followed(old)) {
        if (named)
            note_changed(w, at);
        return;
    }
    put(w, tables, at->name, old);
    bool stays = any || w->pact;
    if (stays)
        note_kept(w, at);
    else if (named)
        note_changed(w, at);
    if (!stays && is_followed(old))
        note_kept(w, &stream);
    if (before->standing == RA_TABLE_JOINING)
        stand(w, &w->standings->joining, at->name);
    else if (!stays)
        stand(w, &w->standings->retired, at->name);
}

/* One that has an entry in both; it may be put back in. */
static void stay(walk *w, const ra_place *at, const cJSON *old, cJSON *fresh)
{
    enum ra_standing before = ra_config_table(w->now, at->name, strlen(at->name))->standing;
    if (before != RA_TABLE_NAMED)
        note_changed(w, at);
    w->quiet = before != RA_TABLE_NAMED;
    walk_section(w, &ra_section_table, at, old, fresh);
    w->quiet = false;
    if (before == RA_TABLE_JOINING)
        stand(w, &w->standings->joining, at->name);
}

static void walk_tables(walk *w, const ra_place *at, const cJSON *old, cJSON *fresh_in)
{
    cJSON *made = member(fresh_in, at->name) ? NULL : cJSON_AddObjectToObject(fresh_in, at->name);
    cJSON *fresh = member(fresh_in, at->name), *next;
    const cJSON *any_before = member(old, "*");
    w->out->no_memory |= !fresh;
    for (cJSON *f = fresh ? fresh->child : NULL; f; f = next) {
        next = f->next;
        const ra_place table = {.up = at, .name = f->string, .node = f};
        const cJSON *before = member(old, f->string);
        if (before)
            stay(w, &table, before, f);
        else
            come(w, &table, any_before, fresh);
    }
    const cJSON *any = member(fresh, "*"); /* if it may come at all */
    for (const cJSON *o = old ? old->child : NULL; o && fresh; o = o->next) {
        const ra_place table = {.up = at, .name = o->string, .node = o};
        if (!member(fresh, o->string))
            go(w, &table, o, any, fresh);
    }
    if (made && !made->child)
        cJSON_DeleteItemFromObjectCaseSensitive(fresh_in, at->name);
}

cJSON *ra_changes_merge(const ra_config *now, const ra_config *fresh, ra_changes *changes, ra_standings *out)
{
    *changes = (ra_changes){0};
    *out = (ra_standings){0};
    walk w = {.now = now,
              .fresh = fresh,
              .out = changes,
              .standings = out,
              .pact = now->cache.store == RA_STORE_KIND_REDIS};
    cJSON *merged = cJSON_Duplicate(ra_config_owner_document(fresh), true);
    const ra_place root = {.node = merged};
    if (merged)
        walk_section(&w, &ra_section_root, &root, ra_config_owner_document(now), merged);
    if (merged && !changes->no_memory)
        return merged;
    ra_config_document_free(merged);
    return NULL;
}
