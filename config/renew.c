#include "config/renew.h"

#include "config/load.h"
#include "config/owner.h"
#include "config/problems.h"

#include <string.h>

static ra_config *fail(ra_problems *problems)
{
    *problems = (ra_problems){0};
    ra_problems_add_file(problems, 0, "out of memory");
    return NULL;
}

/* A table of the snapshot's own, which has just been made and is nobody else's yet. */
static void set_standing(ra_config *c, const char *name, enum ra_standing standing)
{
    ra_table_config *t = (ra_table_config *)ra_config_table(c, name, strlen(name));
    if (t && strcmp(t->name, name) == 0)
        t->standing = standing;
}

static void set_standings(ra_config *c, const ra_standings *s)
{
    for (size_t i = 0; i < s->retired.n; i++)
        set_standing(c, s->retired.v[i], RA_TABLE_RETIRED);
    for (size_t i = 0; i < s->joining.n; i++)
        set_standing(c, s->joining.v[i], RA_TABLE_JOINING);
}

ra_config *ra_config_renew(const ra_config *now, const ra_config *fresh, ra_changes *changes,
                           ra_problems *problems)
{
    ra_standings standings;
    cJSON *document = ra_changes_merge(now, fresh, changes, &standings);
    ra_config *c = document ? ra_config_of_document(document, fresh->path, problems) : fail(problems);
    if (c)
        set_standings(c, &standings);
    ra_config_document_free(document);
    ra_standings_free(&standings);
    return c;
}

/* The same tables in the same order: both are sorted by name, and have the same document. */
static void copy_standings(ra_config *to, const ra_config *from)
{
    for (size_t i = 0; i < to->ntables && i < from->ntables; i++)
        to->tables[i].standing = from->tables[i].standing;
}

ra_config *ra_config_join(const ra_config *now, bool (*still)(void *arg, const char *table), void *arg,
                          ra_problems *problems)
{
    ra_config *c = ra_config_of_document(ra_config_owner_document(now), now->path, problems);
    if (!c)
        return NULL;
    copy_standings(c, now);
    for (size_t i = 0; i < c->ntables; i++)
        if (c->tables[i].standing == RA_TABLE_JOINING && !still(arg, c->tables[i].name))
            c->tables[i].standing = RA_TABLE_NAMED;
    return c;
}

/* false: no memory. */
static bool set_caching(cJSON *object, const char *word)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, "caching");
    return !word || cJSON_AddStringToObject(object, "caching", word);
}

static bool switch_document(cJSON *document, const char *table, const char *word)
{
    cJSON *tables = cJSON_GetObjectItemCaseSensitive(document, "tables"), *t;
    if (table)
        return set_caching(cJSON_GetObjectItemCaseSensitive(tables, table), word);
    cJSON_ArrayForEach(t, tables)
    {
        set_caching(t, NULL);
    }
    return set_caching(document, word);
}

ra_config *ra_config_switch(const ra_config *now, const char *table, enum ra_caching caching,
                            ra_problems *problems)
{
    cJSON *document = cJSON_Duplicate(ra_config_owner_document(now), true);
    bool ok = document && switch_document(document, table, ra_caching_word(caching));
    ra_config *c = ok ? ra_config_of_document(document, now->path, problems) : fail(problems);
    if (c)
        copy_standings(c, now);
    ra_config_document_free(document);
    return c;
}

bool ra_config_any_joins(const ra_config *c)
{
    bool any = false;
    for (size_t i = 0; i < c->ntables; i++)
        any |= c->tables[i].standing == RA_TABLE_JOINING;
    return any;
}
