/*
 * What a network store gives back, which whoever may write to it can forge. The first character says what:
 * (a) a sealed value, opened with keys and without; (b) a payload to be sealed, and a place to damage it at;
 * (c) an entry in Redis; (d) an entry in Momento; (e) a register; (f) a reply of Momento's HTTP API; (g) a
 * key.
 * - What is sealed opens to what it was, for its own unit and request only, and not with one bit changed.
 * - Nothing that was made without the key opens with it; what opens without one is what sealing makes.
 * - An entry that is read is the one that its parts make.
 * - Of an error no more is shown than is fit for a line of a log, and nothing as long as an API key.
 */
#include "cache/key_hex.h"
#include "cache/momento_record.h"
#include "cache/redis_store_parts.h"
#include "tests/fuzz/fuzz.h"

#include "cache/momento_client.c" /* how replies are read is in there */

enum { OUT = 1 << 20 };

static const unsigned char secrets[2][RA_SEAL_KEY_BYTES] = {"first key, which is 32 bytes...", "second"};
static const ra_key unit = {"unit"}, request = {"request"}, other = {"other"};
static ra_seal_keys *sealing, *plain;
static ra_redis_store store; /* of which only the keys are looked at */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    sealing = ra_seal_keys_new(secrets, 2);
    plain = ra_seal_keys_new(NULL, 0);
    FUZZ_CHECK(sealing && plain);
    return 0;
}

/* ---- the seal ---- */

static bool same_payload(const ra_payload *a, const ra_payload *b)
{
    return a->crc32 == b->crc32 && a->meta == b->meta && a->filled_ms == b->filled_ms &&
           ra_bytes_eq((ra_bytes){a->body, a->len}, (ra_bytes){b->body, b->len});
}

static void check_open(ra_bytes value)
{
    ra_payload *p;
    ra_buf again;
    FUZZ_CHECK(ra_open(sealing, &unit, &request, value, &p) != RA_OPENED && !p);
    if (ra_open(plain, &unit, &request, value, &p) != RA_OPENED) {
        FUZZ_CHECK(!p);
        return;
    }
    ra_buf_init(&again, OUT);
    FUZZ_CHECK(ra_seal(plain, &unit, &request, p, &again) && ra_bytes_eq(ra_buf_bytes(&again), value));
    ra_buf_free(&again);
    ra_payload_unref(p);
}

static void check_sealed_with(const ra_seal_keys *keys, const ra_payload *p, size_t place, unsigned bit)
{
    ra_buf out;
    ra_payload *q;
    ra_buf_init(&out, OUT);
    FUZZ_CHECK(ra_seal(keys, &unit, &request, p, &out) && out.n <= (size_t)p->len + RA_SEAL_OVERHEAD);
    FUZZ_CHECK(ra_open(keys, &unit, &request, ra_buf_bytes(&out), &q) == RA_OPENED && same_payload(p, q));
    ra_payload_unref(q);
    FUZZ_CHECK(ra_open(keys, &other, &request, ra_buf_bytes(&out), &q) != RA_OPENED && !q);
    FUZZ_CHECK(ra_open(keys, &unit, &other, ra_buf_bytes(&out), &q) != RA_OPENED && !q);
    FUZZ_CHECK(ra_open(keys, &unit, &request, (ra_bytes){out.p, place % out.n}, &q) != RA_OPENED && !q);
    out.p[place % out.n] = (char)(out.p[place % out.n] ^ (1 << bit % 8));
    FUZZ_CHECK(ra_open(keys, &unit, &request, ra_buf_bytes(&out), &q) != RA_OPENED && !q);
    ra_buf_free(&out);
}

static void check_seal(ra_bytes rest)
{
    size_t place = fuzz_byte(&rest);
    place = place << 8 | fuzz_byte(&rest);
    unsigned bit = fuzz_byte(&rest);
    ra_payload *p = ra_payload_new(rest, (uint32_t)(place * 2654435761u), bit, (int64_t)place << 24);
    FUZZ_CHECK(p);
    check_sealed_with(sealing, p, place, bit);
    check_sealed_with(plain, p, place, bit);
    ra_payload_unref(p);
}

/* ---- entries and registers ---- */

static void check_redis(ra_bytes field)
{
    ra_redis_entry e;
    ra_buf out;
    if (!ra_redis_entry_read(field, &e))
        return;
    FUZZ_CHECK(e.expires >= 0 && e.keeps >= 0 && e.nguards <= RA_GUARDS_MAX);
    FUZZ_CHECK(e.sealed.p + e.sealed.n == field.p + field.n);
    store.o.seal = plain;
    ra_lookup v = {.unit = unit, .request = request};
    if (!ra_redis_store_open(&store, &e, &v))
        return;
    /* The value as the proxy writes it, behind the times that the script has put before it. */
    ra_fill f = {.unit = unit, .request = request, .nguards = e.nguards, .payload = v.payload};
    memcpy(f.token.guard, e.guard, sizeof f.token.guard);
    ra_buf_init(&out, OUT);
    FUZZ_CHECK(ra_redis_entry_write(&store, &f, &out) && out.n <= field.n);
    FUZZ_CHECK(memcmp(out.p, field.p + field.n - out.n, out.n) == 0);
    ra_payload_unref(v.payload);
    ra_buf_free(&out);
}

static void check_momento(ra_bytes value)
{
    ra_momento_entry e;
    ra_buf out;
    if (!ra_momento_entry_read(value, &e))
        return;
    FUZZ_CHECK(e.expires >= 0 && e.keeps >= e.expires && e.nguards <= RA_GUARDS_MAX);
    ra_buf_init(&out, OUT);
    FUZZ_CHECK(ra_momento_entry_head(&e, &out) && ra_buf_add_bytes(&out, e.sealed));
    FUZZ_CHECK(ra_bytes_eq(ra_buf_bytes(&out), value));
    ra_buf_free(&out);
}

static void check_register(ra_bytes text)
{
    ra_generation g, next;
    enum ra_momento_register r = ra_momento_register_read(text, &g);
    FUZZ_CHECK((r == RA_MOMENTO_IDLE) == (g.len > 0));
    if (r == RA_MOMENTO_IDLE)
        FUZZ_CHECK(ra_bytes_eq(text, (ra_bytes){(const char *)g.b, g.len}));
    FUZZ_CHECK(ra_momento_register_new(r == RA_MOMENTO_IDLE, &next));
    ra_bytes made = {(const char *)next.b, next.len};
    FUZZ_CHECK(ra_momento_register_read(made, &g) ==
               (r == RA_MOMENTO_IDLE ? RA_MOMENTO_IDLE : RA_MOMENTO_WRITING));
}

/* ---- replies of the HTTP API: "STATUS RETRY-AFTER\n", the body ---- */

static void check_text(const char *text)
{
    size_t run = 0;
    for (; *text; text++) {
        FUZZ_CHECK(*text >= ' ' && *text < 0x7f);
        run = may_be_a_key(*text) ? run + 1 : 0;
        FUZZ_CHECK(run < KEY_LIKE + 6); /* with the "..." of what was hidden before and behind it */
    }
}

static void check_http(ra_bytes rest)
{
    ra_bytes line = fuzz_line(&rest), word = fuzz_until(&line, ' ');
    char *status = fuzz_text(word), *retry = fuzz_text(line), *body = fuzz_copy(rest), name[] = "retry-after";
    ra_http_header header = {name, retry};
    ra_http_reply reply = {
        .status = atoi(status) % 1000, .headers = &header, .nheaders = 1, .body = body, .len = rest.n};
    for (int method = GET; method <= DELETE; method++) {
        ra_momento_result r;
        read_reply((enum method)method, &reply, &r);
        FUZZ_CHECK(r.outcome != RA_MOMENTO_FOUND || method == GET);
        FUZZ_CHECK(r.outcome == RA_MOMENTO_FOUND ? r.value.n == rest.n : r.value.n == 0);
        FUZZ_CHECK(r.retry_after >= -1 && r.retry_after <= RETRY_AFTER_MOST * 1000);
        FUZZ_CHECK(!(ra_momento_is_good(r.outcome) && ra_momento_is_misconfigured(r.outcome)));
        FUZZ_CHECK(*ra_momento_outcome_text(r.outcome) && strlen(r.text) < sizeof r.text);
        check_text(r.text);
    }
    free(status);
    free(retry);
    free(body);
}

static void check_key(ra_bytes hex)
{
    ra_key k;
    char text[RA_KEY_HEX + 1];
    if (!ra_key_unhex(hex, &k))
        return;
    ra_key_hex(&k, text);
    FUZZ_CHECK(ra_bytes_eq_z(hex, text));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static void (*const checks[])(ra_bytes) = {check_open,     check_seal, check_redis, check_momento,
                                               check_register, check_http, check_key};
    ra_bytes rest = {(const char *)data, size};
    unsigned choice = fuzz_choice(&rest, sizeof checks / sizeof *checks);
    char *copy = fuzz_copy(rest);
    checks[choice]((ra_bytes){copy, rest.n});
    free(copy);
    return 0;
}
