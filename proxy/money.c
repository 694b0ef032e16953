#include "proxy/money.h"

void ra_money_note(ra_money *m, int64_t now, const ra_units *half_units)
{
    m->v[m->next] = (ra_money_sample){now, *half_units};
    m->next = (m->next + 1) % RA_MONEY_SAMPLES;
    m->n += m->n < RA_MONEY_SAMPLES;
}

/* NULL: there is none. The last one serves where all are older, since the process was stopped. */
static const ra_money_sample *oldest(const ra_money *m, int64_t now)
{
    const ra_money_sample *s = NULL;
    for (unsigned i = m->n; i > 0; i--) {
        s = &m->v[(m->next + RA_MONEY_SAMPLES - i) % RA_MONEY_SAMPLES];
        if (now - s->at <= RA_MONEY_WINDOW_MS)
            break;
    }
    return s;
}

/* Of half units and a price in millionths for a million units. */
static double cost(double half_units, int64_t price)
{
    return half_units / 2 / 1e6 * ((double)price / 1e6);
}

ra_money_rates ra_money_of(const ra_money *m, const ra_config_prices *prices, int64_t now,
                           const ra_units *half_units)
{
    const ra_money_sample *from = oldest(m, now);
    if (!from || now <= from->at)
        return (ra_money_rates){0, 0, 0};
    const ra_units *was = &from->half_units;
    double hours = (double)(now - from->at) / 3600000;
    double read = (double)(half_units->spent - was->spent);
    double written = (double)(half_units->written - was->written);
    double saved = (double)(half_units->saved - was->saved) - (double)(half_units->extra - was->extra);
    double observed = (double)(half_units->observed - was->observed);
    return (ra_money_rates){(cost(read, prices->read) + cost(written, prices->write)) / hours,
                            cost(saved, prices->read) / hours, cost(saved + observed, prices->read) / hours};
}

void ra_money_write(const ra_money *m, const ra_config_prices *prices, int64_t now,
                    const ra_units *half_units, ra_buf *out)
{
    if (!prices->given) {
        ra_buf_add_z(out, "null");
        return;
    }
    ra_money_rates r = ra_money_of(m, prices, now, half_units);
    ra_buf_add_z(out, "{\"currency\": ");
    ra_buf_add_json_string(out, ra_bytes_z(prices->currency));
    ra_buf_addf(out,
                ", \"per_hour\": %.6f, \"per_month\": %.4f, \"saved_per_hour\": %.6f, \"saved_per_month\": "
                "%.4f, \"would_save_per_hour\": %.6f, \"would_save_per_month\": %.4f}",
                r.spent, r.spent * RA_MONEY_MONTH_HOURS, r.saved, r.saved * RA_MONEY_MONTH_HOURS,
                r.would_save, r.would_save * RA_MONEY_MONTH_HOURS);
}
