#include "config/document.h"

#include "config/reference.h"
#include "config/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* All integers up to here are doubles of their own. */
#define WHOLE_MAX 9007199254740991.0

/* A piece whose JSON text is still a range of the writer's. */
typedef struct piece {
    size_t begin;
    size_t end;
    ra_template string; /* of a string: the range is empty */
    bool is_string;
} piece;

typedef struct writer {
    ra_decoder *d;
    const ra_template_names *names;
    FILE *out; /* the literal JSON of all pieces */
    size_t written;
    size_t templates; /* bytes of all templates' text */
    piece *pieces;
    size_t n;
    size_t size;
    size_t begin; /* of the literal that is being written */
    bool failed;
} writer;

static bool too_large(const writer *w)
{
    return w->written + w->templates > RA_DOCUMENT_MAX;
}

/* What the string stands for; *source: the reference it was. NULL: reported. */
static const char *resolve(ra_decoder *d, const ra_place *at, const char **source)
{
    char error[RA_REFERENCE_ERROR_MAX];
    const char *text;
    if (ra_decode_reference(d, at, &text, source, error))
        return text;
    ra_decode_error(d, at, "%s; accepted: a string with placeholders", error);
    return NULL;
}

static bool compile(ra_decoder *d, const ra_place *at, const char *text, const char *source,
                    const ra_template_names *names, ra_template *out)
{
    char why[RA_TEMPLATE_WHY_MAX], shown[RA_TEXT_SHOWN_MAX];
    if (ra_template_compile(d->pool, text, names, out, why))
        return true;
    if (!why[0]) {
        d->no_memory = true;
    } else if (source) {
        ra_text_show(source, shown);
        ra_decode_error(d, at,
                        "the value of %s holds a placeholder that isn't known, or a single brace; accepted: "
                        "text with placeholders, {{ and }} for the braces themselves",
                        shown);
    } else {
        ra_decode_error(d, at, "%s", why);
    }
    return false;
}

bool ra_decode_template(ra_decoder *d, const ra_place *at, const ra_template_names *names, ra_template *out)
{
    const char *source = NULL;
    *out = (ra_template){0};
    if (!cJSON_IsString(at->node)) {
        ra_decode_error(d, at, "not a string; accepted: a string with placeholders");
        return false;
    }
    const char *text = resolve(d, at, &source);
    return text && compile(d, at, text, source, names, out);
}

static void put(writer *w, const char *text, size_t n)
{
    w->written += n;
    if (!too_large(w))
        fwrite(text, 1, n, w->out);
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

/* As a JSON string; everything but quotes, backslashes and control characters stands for itself. */
static void put_string(writer *w, const char *text, size_t n)
{
    char escape[8];
    put_text(w, "\"");
    for (size_t i = 0; i < n;) {
        size_t plain = 0;
        while (i + plain < n && text[i + plain] != '"' && text[i + plain] != '\\' &&
               (unsigned char)text[i + plain] >= 0x20)
            plain++;
        put(w, text + i, plain);
        i += plain;
        if (i == n)
            break;
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)text[i++]);
        put_text(w, escape);
    }
    put_text(w, "\"");
}

static void add_piece(writer *w, const piece *p)
{
    if (w->n == w->size) {
        size_t size = w->size ? w->size * 2 : 16;
        piece *v = realloc(w->pieces, size * sizeof *v);
        if (!v) {
            w->d->no_memory = true;
            return;
        }
        w->pieces = v;
        w->size = size;
    }
    w->pieces[w->n++] = *p;
}

/* Literals that follow each other are one piece: it ends only where a template stands. */
static void end_literal(writer *w)
{
    if (w->written > w->begin)
        add_piece(w, &(piece){.begin = w->begin, .end = w->written});
    w->begin = w->written;
}

static void write_string(writer *w, const ra_place *at)
{
    const char *source = NULL;
    const char *text = too_large(w) ? NULL : resolve(w->d, at, &source);
    ra_template t;
    int first;
    if (!text || !compile(w->d, at, text, source, w->names, &t)) {
        w->failed = true;
    } else if (ra_template_slots(&t, &first) == 0) {
        put_string(w, t.n ? t.parts[0].text : "", t.n ? t.parts[0].len : 0);
    } else {
        end_literal(w);
        w->templates += strlen(text);
        add_piece(w, &(piece){.string = t, .is_string = true});
    }
}

static void write_number(writer *w, const ra_place *at)
{
    char text[32];
    double value = at->node->valuedouble;
    if (!(value >= -WHOLE_MAX && value <= WHOLE_MAX) || value != (double)(int64_t)value) {
        ra_decode_error(w->d, at,
                        "the number can't be kept exactly; accepted: whole numbers of up to 15 digits (an "
                        "attribute's number is a string: { \"N\": \"1.5\" })");
        w->failed = true;
        return;
    }
    snprintf(text, sizeof text, "%" PRId64, (int64_t)value);
    put_text(w, text);
}

static void write_value(writer *w, const ra_place *at);

/* Objects and arrays: the scan bounds how deep they are. */
static void write_members(writer *w, const ra_place *at)
{
    bool object = cJSON_IsObject(at->node);
    int i = 0;
    if (object)
        ra_decode_repeated(w->d, at);
    put_text(w, object ? "{" : "[");
    for (const cJSON *c = at->node->child; c; c = c->next, i++) {
        ra_place member = {.up = at, .name = object ? c->string : NULL, .index = i, .node = c};
        if (i)
            put_text(w, ",");
        if (object) {
            put_string(w, c->string, strlen(c->string));
            put_text(w, ":");
        }
        write_value(w, &member);
    }
    put_text(w, object ? "}" : "]");
}

static void write_value(writer *w, const ra_place *at)
{
    if (cJSON_IsString(at->node))
        write_string(w, at);
    else if (cJSON_IsNumber(at->node))
        write_number(w, at);
    else if (cJSON_IsObject(at->node) || cJSON_IsArray(at->node))
        write_members(w, at);
    else
        put_text(w, cJSON_IsNull(at->node) ? "null" : cJSON_IsTrue(at->node) ? "true" : "false");
}

/* The pieces into the pool, their ranges as views of one copy of the text. */
static void seal(writer *w, const char *text, ra_document *out)
{
    char *copy = ra_pool_strndup(w->d->pool, text, w->written);
    ra_document_piece *v = ra_decode_array(w->d, w->n, sizeof *v);
    if (!copy || !v) {
        w->d->no_memory = true;
        return;
    }
    for (size_t i = 0; i < w->n; i++) {
        const piece *p = &w->pieces[i];
        if (p->is_string)
            v[i].string = p->string;
        else
            v[i] = (ra_document_piece){.json = copy + p->begin, .len = p->end - p->begin};
    }
    *out = (ra_document){.pieces = v, .n = w->n};
}

bool ra_decode_document(ra_decoder *d, const ra_place *at, const ra_template_names *names, ra_document *out)
{
    char *text = NULL;
    size_t len = 0;
    writer w = {.d = d, .names = names, .out = open_memstream(&text, &len)};
    *out = (ra_document){0};
    if (!w.out) {
        d->no_memory = true;
        return false;
    }
    write_value(&w, at);
    end_literal(&w);
    bool written = fclose(w.out) == 0;
    if (too_large(&w)) {
        ra_decode_error(d, at, "it is too large; accepted: at most 1MiB as JSON");
        w.failed = true;
    } else if (!written || len != w.written) {
        d->no_memory = true;
    }
    if (!w.failed && !d->no_memory)
        seal(&w, text, out);
    free(text);
    free(w.pieces);
    return out->n > 0;
}
