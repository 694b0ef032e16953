#include "proxy/template_render.h"

static ra_bytes part_text(const ra_template_part *part, const ra_bytes *values)
{
    ra_bytes text = part->slot < 0 ? (ra_bytes){part->text, part->len} : values[part->slot];
    return text.p ? text : RA_BYTES("");
}

uint64_t ra_template_length(const ra_template *t, const ra_bytes *values)
{
    uint64_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += part_text(&t->parts[i], values).n;
    return n;
}

uint64_t ra_document_length(const ra_document *d, const ra_bytes *values)
{
    uint64_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        const ra_document_piece *piece = &d->pieces[i];
        n += piece->json ? piece->len : ra_template_length(&piece->string, values);
    }
    return n;
}

bool ra_template_text(const ra_template *t, const ra_bytes *values, ra_arena *a, ra_bytes *out)
{
    *out = RA_BYTES("");
    if (t->n == 0)
        return true;
    if (t->n == 1) {
        *out = part_text(&t->parts[0], values);
        return true;
    }
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t more = part_text(&t->parts[i], values).n;
        if (more > SIZE_MAX - n)
            return false;
        n += more;
    }
    char *p = ra_arena_alloc(a, n);
    if (!p)
        return false;
    *out = (ra_bytes){p, n};
    for (size_t i = 0; i < t->n; i++) {
        ra_bytes text = part_text(&t->parts[i], values);
        memcpy(p, text.p, text.n);
        p += text.n;
    }
    return true;
}

/* Makes one of two JSON strings that stand side by side, the second from `at` on: "a""b" becomes "ab". */
static void join(ra_buf *out, size_t at)
{
    memmove(out->p + at - 1, out->p + at + 1, out->n - at - 1);
    out->n -= 2;
}

bool ra_template_render(const ra_template *t, const ra_bytes *values, ra_buf *out)
{
    if (t->n == 0)
        return ra_buf_add_z(out, "\"\"");
    for (size_t i = 0; i < t->n; i++) {
        size_t at = out->n;
        if (!ra_buf_add_json_string(out, part_text(&t->parts[i], values)))
            return false;
        if (i)
            join(out, at);
    }
    return true;
}

bool ra_document_render(const ra_document *d, const ra_bytes *values, ra_buf *out)
{
    for (size_t i = 0; i < d->n; i++) {
        const ra_document_piece *piece = &d->pieces[i];
        if (piece->json ? !ra_buf_add(out, piece->json, piece->len)
                        : !ra_template_render(&piece->string, values, out))
            return false;
    }
    return ra_buf_ok(out);
}
