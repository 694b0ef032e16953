#include "bench/loadgen/request.h"

#include "proxy/template_render.h"

#include <string.h>
#include <strings.h>

#define CONTENT_TYPE "application/x-amz-json-1.0"

bool ra_request_maker_init(ra_request_maker *m, const ra_target *t, const char *region,
                           ra_credentials *credentials)
{
    *m = (ra_request_maker){.target = t, .region = region, .credentials = credentials};
    ra_buf_init(&m->body, RA_REQUEST_MAX);
    ra_buf_init(&m->lines, RA_REQUEST_MAX);
    ra_buf_init(&m->bytes, RA_REQUEST_BYTES_MAX);
    m->signer = credentials ? ra_signer_new(region, "dynamodb") : NULL;
    return !credentials || m->signer;
}

void ra_request_maker_free(ra_request_maker *m)
{
    ra_buf_free(&m->body);
    ra_buf_free(&m->lines);
    ra_buf_free(&m->bytes);
    ra_signer_free(m->signer);
    m->signer = NULL;
}

bool ra_request_unsigned_line(const char *region, ra_buf *out)
{
    ra_buf_add_z(out, "Authorization: AWS4-HMAC-SHA256 Credential=readaside/20260101/");
    ra_buf_add_z(out, region);
    return ra_buf_add_z(out, "/dynamodb/aws4_request, SignedHeaders=host;x-amz-target, Signature=0000\r\n");
}

static void add_template(ra_buf *out, const ra_template *t, const ra_bytes *values)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->parts[i].slot < 0)
            ra_buf_add(out, t->parts[i].text, t->parts[i].len);
        else
            ra_buf_add_bytes(out, values[t->parts[i].slot]);
    }
}

static void add_line(ra_buf *out, const char *name, const char *value)
{
    ra_buf_add_z(out, name);
    ra_buf_add_z(out, value);
    ra_buf_add(out, "\r\n", 2);
}

/* The signer's lines end with NUL each. */
static bool add_signature(ra_request_maker *m, const ra_operation *o, int64_t second)
{
    size_t n;
    ra_buf_clear(&m->lines);
    if (!ra_signer_sign(m->signer, m->credentials, second, ra_bytes_z(m->target->authority),
                        RA_BYTES(CONTENT_TYPE), ra_bytes_z(o->target), ra_buf_bytes(&m->body), &m->lines, &n))
        return false;
    const char *p = m->lines.p;
    for (size_t i = 0; i < n; i++, p += strlen(p) + 1)
        add_line(&m->bytes, "", p);
    return ra_buf_ok(&m->bytes);
}

static bool add_wire_head(ra_request_maker *m, const ra_operation *o, int64_t second)
{
    ra_buf *out = &m->bytes;
    add_line(out, "Content-Type: ", CONTENT_TYPE);
    add_line(out, "X-Amz-Target: ", o->target);
    if (m->signer)
        return add_signature(m, o, second);
    add_line(out, "Host: ", m->target->authority);
    return ra_request_unsigned_line(m->region, out);
}

/* The target's own path, then the operation's; at least "/". */
static void add_request_line(ra_request_maker *m, const ra_generator *g, const ra_operation *o)
{
    ra_buf *out = &m->bytes;
    ra_buf_add_z(out, o->method);
    ra_buf_add_char(out, ' ');
    size_t before = out->n;
    ra_buf_add_z(out, m->target->path);
    add_template(out, &o->path, g->values);
    if (out->n == before)
        ra_buf_add_char(out, '/');
    ra_buf_add_z(out, " HTTP/1.1\r\n");
}

static bool names_content_type(const ra_operation *o)
{
    for (size_t i = 0; i < o->nheaders; i++) {
        if (strcasecmp(o->headers[i].name, "Content-Type") == 0)
            return true;
    }
    return false;
}

static bool make(ra_request_maker *m, const ra_generator *g, const ra_operation *o, int64_t second)
{
    ra_buf *out = &m->bytes;
    ra_buf_clear(out);
    ra_buf_clear(&m->body);
    ra_document_render(&o->body, g->values, &m->body);
    add_template(&m->body, &o->text, g->values);
    add_request_line(m, g, o);
    if (o->target) {
        if (!add_wire_head(m, o, second))
            return false;
    } else {
        add_line(out, "Host: ", m->target->authority);
        if (o->body.n && !names_content_type(o))
            add_line(out, "Content-Type: ", "application/json");
    }
    for (size_t i = 0; i < o->nheaders; i++) {
        ra_buf_add_z(out, o->headers[i].name);
        ra_buf_add(out, ": ", 2);
        add_template(out, &o->headers[i].value, g->values);
        ra_buf_add(out, "\r\n", 2);
    }
    if (m->body.n || o->write)
        ra_buf_addf(out, "Content-Length: %zu\r\n", m->body.n);
    ra_buf_add(out, "\r\n", 2);
    ra_buf_add_bytes(out, ra_buf_bytes(&m->body));
    return ra_buf_ok(out) && ra_buf_ok(&m->body);
}

/* Nothing in it is drawn: the same values make the same bytes, until the signature's second is over. */
static bool is_constant(const ra_operation *o)
{
    for (size_t i = 0; i < o->places.n; i++) {
        if (o->places.v[i].kind != RA_PLACE_TABLE)
            return false;
    }
    return true;
}

ra_bytes ra_request_make(ra_request_maker *m, ra_generator *g, const ra_operation *o, int64_t wall_us)
{
    int64_t second = wall_us / 1000000;
    if (m->kept == o && m->kept_s == second)
        return ra_buf_bytes(&m->bytes);
    ra_generator_draw(g, o, wall_us);
    m->kept = NULL;
    if (!make(m, g, o, second))
        return (ra_bytes){NULL, 0};
    m->kept = is_constant(o) ? o : NULL;
    m->kept_s = second;
    return ra_buf_bytes(&m->bytes);
}
