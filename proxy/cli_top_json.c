/* The view as JSON. */
#include "proxy/cli_top_view.h"

#include <inttypes.h>
#include <math.h>

static void add_rate(ra_buf *out, const char *name, double x)
{
    ra_buf_addf(out, "\"%s\": ", name);
    if (isfinite(x))
        ra_buf_addf(out, "%.6g, ", x);
    else
        ra_buf_add_z(out, "null, ");
}

static void add_ratio(ra_buf *out, double x)
{
    if (isfinite(x))
        ra_buf_addf(out, "\"hit_ratio\": %.6f", x);
    else
        ra_buf_add_z(out, "\"hit_ratio\": null");
}

static void add_text(ra_buf *out, const char *name, const cJSON *from)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(from, name));
    ra_buf_addf(out, "\"%s\": ", name);
    if (text)
        ra_buf_add_json_string(out, ra_bytes_z(text));
    else
        ra_buf_add_z(out, "null");
    ra_buf_add_z(out, ", ");
}

static void add_patterns(const ra_top_history *h, ra_buf *out)
{
    const cJSON *one;
    size_t i = 0;
    ra_buf_add_z(out, ", \"patterns\": [");
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(ra_top_live(h), "patterns"))
    {
        ra_buf_add_z(out, i ? ", {" : "{");
        add_text(out, "table", one);
        add_text(out, "pattern", one);
        for (unsigned c = 0; c < RA_TOP_P_COUNTS; c++)
            add_rate(out, ra_top_pattern_count_name(c), ra_top_pattern_rate(h, i, c));
        add_ratio(out, ra_top_pattern_ratio(h, i));
        ra_buf_add_char(out, '}');
        i++;
    }
    ra_buf_add_char(out, ']');
}

static void add_rates(const ra_top_history *h, ra_buf *out)
{
    ra_buf_add_z(out, ", \"per_second\": {");
    for (unsigned c = 0; c < RA_TOP_READS; c++)
        add_rate(out, ra_top_count_name(c), ra_top_rate(h, c));
    add_rate(out, "requests", ra_top_requests_rate(h));
    add_rate(out, "upstream_reads", ra_top_rate(h, RA_TOP_READS));
    add_rate(out, "upstream_reads_without_cache",
             ra_top_rate(h, RA_TOP_READS) + ra_top_rate(h, RA_TOP_READS_SAVED));
    add_rate(out, "upstream_writes", ra_top_rate(h, RA_TOP_WRITES));
    add_rate(out, "units_spent", ra_top_rate(h, RA_TOP_UNITS_SPENT));
    add_rate(out, "units_saved", ra_top_rate(h, RA_TOP_UNITS_SAVED));
    add_ratio(out, ra_top_ratio(h));
    add_patterns(h, out);
    ra_buf_add_char(out, '}');
}

bool ra_top_json(const ra_top_history *h, ra_buf *out)
{
    cJSON *live = cJSON_CreateObject();
    const cJSON *member;
    bool ok = live != NULL;
    cJSON_ArrayForEach(member, ra_top_live(h))
    {
        if (strcmp(member->string, "advice") != 0)
            ok = ok && cJSON_AddItemReferenceToObject(live, member->string, (cJSON *)member);
    }
    char *text = ok ? cJSON_PrintUnformatted(live) : NULL;
    size_t n = text ? strlen(text) : 0;
    if (n > 2)
        ra_buf_add(out, text, n - 1); /* but for its brace */
    add_rates(h, out);
    ra_buf_add_z(out, "}\n");
    cJSON_free(text);
    cJSON_Delete(live);
    return n > 2 && ra_buf_ok(out);
}
