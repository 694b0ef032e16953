#include "proxy/metrics_table.h"

#include <stdlib.h>

static bool sum_up(ra_exposition *x)
{
    const ra_metrics *m = x->server->metrics;
    x->nsubjects = ra_metrics_subjects(m);
    x->subjects = calloc(x->nsubjects, sizeof *x->subjects);
    for (unsigned i = 0; x->subjects && i < x->nsubjects; i++)
        ra_metrics_sum_subject(m, i, &x->subjects[i]);
    ra_metrics_sum_requests(m, &x->requests);
    ra_watch_store(x->watch, &x->store);
    return x->subjects != NULL;
}

static void write_all(const ra_exposition *x, const ra_metric *m)
{
    for (; m->name; m++) {
        ra_metrics_text_family(x->out, m->name, m->type, m->help);
        m->write(x, m->name);
    }
}

bool ra_metrics_write(const ra_server *s, const ra_watch *w, ra_buf *out)
{
    ra_exposition x = {.server = s, .watch = w, .out = out};
    if (!sum_up(&x))
        return false;
    write_all(&x, ra_metrics_by_subject);
    write_all(&x, ra_metrics_of_server);
    free(x.subjects);
    return ra_buf_ok(out);
}

static void list(const ra_metric *m, FILE *out)
{
    for (; m->name; m++)
        fprintf(out, "| `%s` | %s | %s | %s |\n", m->name, m->type, m->labels, m->help);
}

void ra_metrics_list(FILE *out)
{
    fputs("| metric | type | labels | what |\n|---|---|---|---|\n", out);
    list(ra_metrics_by_subject, out);
    list(ra_metrics_of_server, out);
}
