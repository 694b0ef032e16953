/*
 * Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/. Pure.
 * Errors: the buffer's.
 */
#ifndef RA_PROXY_METRICS_TEXT_H
#define RA_PROXY_METRICS_TEXT_H

#include "cache/buf.h"
#include "proxy/latency.h"

#define RA_METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct ra_label {
    const char *name, *value; /* a value of NULL is an empty one */
} ra_label;

/* What stands before a metric's samples. */
void ra_metrics_text_family(ra_buf *out, const char *name, const char *type, const char *help);
void ra_metrics_text_count(ra_buf *out, const char *name, const ra_label *labels, size_t n, uint64_t value);
void ra_metrics_text_value(ra_buf *out, const char *name, const ra_label *labels, size_t n, double value);
/* Buckets, sum and count, in seconds. */
void ra_metrics_text_latency(ra_buf *out, const char *name, const ra_label *labels, size_t n,
                             const ra_latency_copy *h);

#endif
