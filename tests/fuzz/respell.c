#include "tests/fuzz/respell.h"

#include "tests/fuzz/fuzz.h"

static const char *const SPACES[] = {"", " ", "\n", "\t\r"};

static void space(const ra_json *j, uint32_t token, ra_buf *out)
{
    ra_buf_add_z(out, SPACES[j->t[token].start % 4]);
}

/* ASCII as \uXXXX where its place says so, the rest by the writer's own rules. */
static void respell_string(const ra_json *j, uint32_t token, ra_buf *out)
{
    ra_arena a;
    ra_bytes s;
    ra_arena_init(&a, 16 << 20);
    FUZZ_CHECK(ra_json_string(j, token, &a, &s));
    ra_buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < ' ' || c == '"' || c == '\\' || (c < 0x80 && (i + token) % 3 == 0))
            ra_buf_addf(out, (i & 1) ? "\\u%04x" : "\\u%04X", c);
        else
            ra_buf_add_char(out, (char)c);
    }
    ra_buf_add_char(out, '"');
    ra_arena_free(&a);
}

/* Members from the last to the first. */
static void respell_object(const ra_json *j, uint32_t token, ra_buf *out)
{
    uint32_t n = 0, *names = fuzz_alloc(((size_t)ra_json_count(j, token) + 1) * sizeof *names);
    for (uint32_t i = token + 1; i < j->t[token].next; i = j->t[i + 1].next)
        names[n++] = i;
    ra_buf_add_char(out, '{');
    while (n--) {
        space(j, names[n], out);
        respell_string(j, names[n], out);
        space(j, names[n] + 1, out);
        ra_buf_add_char(out, ':');
        fuzz_respell(j, names[n] + 1, out);
        if (n)
            ra_buf_add_z(out, ", ");
    }
    ra_buf_add_char(out, '}');
    free(names);
}

void fuzz_respell(const ra_json *j, uint32_t token, ra_buf *out)
{
    space(j, token, out);
    switch (j->t[token].type) {
    case RA_JSON_OBJECT:
        respell_object(j, token, out);
        break;
    case RA_JSON_ARRAY:
        ra_buf_add_char(out, '[');
        for (uint32_t i = token + 1; i < j->t[token].next; i = j->t[i].next) {
            if (i != token + 1)
                ra_buf_add_z(out, ", ");
            fuzz_respell(j, i, out);
        }
        ra_buf_add_char(out, ']');
        break;
    case RA_JSON_STRING:
        respell_string(j, token, out);
        break;
    default:
        ra_buf_add_bytes(out, ra_json_raw(j, token));
    }
    space(j, token, out);
}

bool fuzz_same_json(const ra_json *a, uint32_t in_a, const ra_json *b, uint32_t in_b)
{
    ra_buf x, y;
    ra_buf_init(&x, 64 << 20);
    ra_buf_init(&y, 64 << 20);
    FUZZ_CHECK(ra_json_canonical(a, in_a, &x) && ra_json_canonical(b, in_b, &y));
    bool same = ra_bytes_eq(ra_buf_bytes(&x), ra_buf_bytes(&y));
    ra_buf_free(&x);
    ra_buf_free(&y);
    return same;
}
