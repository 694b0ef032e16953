/* A read's canonical form: what two requests share exactly when they mean the same. */
#include "proxy/op_plan.h"

/* Raised whenever the canonical form changes, so that no entry of another form is met. */
static const char FORMAT[] = "1";

void ra_options_init(ra_options *o, const ra_json *j, ra_arena *arena)
{
    /* Canonical forms are length-prefixed throughout: the smallest values grow most, by less than eightfold.
     */
    size_t cap = j->text.n < SIZE_MAX / 16 ? j->text.n * 8 + 65536 : j->text.n;
    *o = (ra_options){.j = j, .arena = arena};
    ra_buf_init(&o->parts, cap);
    ra_buf_init(&o->form, cap);
    ra_key_part_z(&o->parts, FORMAT);
}

static void fail(ra_options *o, const char *why)
{
    if (!o->why)
        o->why = why;
}

/* Takes what stands in o->form as the member's form. */
static void take_form(ra_options *o, const char *member, bool ok, const char *why)
{
    if (!ok)
        fail(o, why);
    ra_key_part_z(&o->parts, member);
    ra_key_part(&o->parts, ra_buf_bytes(&o->form));
    ra_buf_clear(&o->form);
}

void ra_options_text(ra_options *o, const char *member, ra_bytes text)
{
    ra_key_part_z(&o->parts, member);
    ra_key_part(&o->parts, text);
}

void ra_options_json(ra_options *o, const char *member, uint32_t token)
{
    if (token != RA_JSON_NONE && !o->why)
        take_form(o, member, ra_json_canonical(o->j, token, &o->form), "no-memory");
}

void ra_options_key_map(ra_options *o, const char *member, uint32_t token)
{
    if (token != RA_JSON_NONE && !o->why)
        take_form(o, member, ra_value_map_canonical(o->j, token, o->arena, &o->form), "key");
}

/* DynamoDB refuses a placeholder map that is empty. */
static bool map_is_empty(const ra_json *j, uint32_t map)
{
    return map != RA_JSON_NONE && ra_json_count(j, map) == 0;
}

void ra_options_expressions(ra_options *o, ra_expr *e, uint32_t names, uint32_t values,
                            const ra_option_expression *v, size_t n)
{
    if (o->why)
        return;
    if (!ra_expr_init(e, o->j, names, values, o->arena) || map_is_empty(o->j, names) ||
        map_is_empty(o->j, values)) {
        fail(o, "placeholder");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ra_bytes text;
        if (v[i].token == RA_JSON_NONE)
            continue;
        bool ok = ra_json_string(o->j, v[i].token, o->arena, &text) && ra_expr_canonical(e, text, &o->form);
        take_form(o, v[i].member, ok, "placeholder");
    }
    take_form(o, "placeholders", ra_expr_canonical_placeholders(e, &o->form), "placeholder");
}

const char *ra_options_end(ra_options *o, ra_key *out)
{
    const char *why = o->why;
    if (!why && !ra_key_digest(&o->parts, out))
        why = "no-memory";
    ra_buf_free(&o->parts);
    ra_buf_free(&o->form);
    return why;
}

bool ra_op_request_digest(const char *what, const ra_key *unit, const ra_key *options, ra_key *out)
{
    ra_buf parts;
    ra_buf_init(&parts, 1024);
    ra_key_part_z(&parts, FORMAT);
    ra_key_part_z(&parts, what);
    ra_key_part_key(&parts, unit);
    ra_key_part_key(&parts, options);
    bool ok = ra_key_digest(&parts, out);
    ra_buf_free(&parts);
    return ok;
}
