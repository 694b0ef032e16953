#include "proxy/metrics_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Edges that are told: 2^4 us to 2^25 us, 33 s. Hits take some ten us, upstream.request_timeout some seconds.
 */
enum { FIRST_EDGE = 4, LAST_EDGE = 25 };

void ra_metrics_text_family(ra_buf *out, const char *name, const char *type, const char *help)
{
    ra_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A backslash, a quote and a line's end have a backslash before them. */
static void add_value(ra_buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            ra_buf_add_z(out, "\\n");
        else if (*value == '\\' || *value == '"')
            ra_buf_addf(out, "\\%c", *value);
        else
            ra_buf_add_char(out, *value);
    }
}

/* The name with `suffix`, and labels; `le` NULL: without that one. */
static void add_series(ra_buf *out, const char *name, const char *suffix, const ra_label *labels, size_t n,
                       const char *le)
{
    ra_buf_addf(out, "%s%s", name, suffix);
    for (size_t i = 0; i < n; i++) {
        ra_buf_addf(out, "%s%s=\"", i ? "," : "{", labels[i].name);
        add_value(out, labels[i].value ? labels[i].value : "");
        ra_buf_add_char(out, '"');
    }
    if (le)
        ra_buf_addf(out, "%sle=\"%s\"", n ? "," : "{", le);
    ra_buf_add_z(out, n || le ? "} " : " ");
}

void ra_metrics_text_count(ra_buf *out, const char *name, const ra_label *labels, size_t n, uint64_t value)
{
    add_series(out, name, "", labels, n, NULL);
    ra_buf_addf(out, "%" PRIu64 "\n", value);
}

void ra_metrics_text_value(ra_buf *out, const char *name, const ra_label *labels, size_t n, double value)
{
    add_series(out, name, "", labels, n, NULL);
    if (isnan(value))
        ra_buf_add_z(out, "NaN\n");
    else
        ra_buf_addf(out, "%.15g\n", value);
}

void ra_metrics_text_latency(ra_buf *out, const char *name, const ra_label *labels, size_t n,
                             const ra_latency_copy *h)
{
    for (unsigned power = FIRST_EDGE; power <= LAST_EDGE; power++) {
        char le[32];
        snprintf(le, sizeof le, "%.9g", (double)(1U << power) / 1e6);
        add_series(out, name, "_bucket", labels, n, le);
        ra_buf_addf(out, "%" PRIu64 "\n", ra_latency_up_to(h, power));
    }
    add_series(out, name, "_bucket", labels, n, "+Inf");
    ra_buf_addf(out, "%" PRIu64 "\n", h->count);
    add_series(out, name, "_sum", labels, n, NULL);
    ra_buf_addf(out, "%" PRIu64 ".%06" PRIu64 "\n", h->sum / 1000000, h->sum % 1000000);
    add_series(out, name, "_count", labels, n, NULL);
    ra_buf_addf(out, "%" PRIu64 "\n", h->count);
}
