#include "tests/model/report.h"

#include <inttypes.h>
#include <string.h>

/* ---- words ---- */

typedef struct verb_text {
    const char *name; /* in JSON */
    const char *text;
    char actor; /* R reader, W writer, P proxy; 0: nobody */
} verb_text;

static const verb_text verbs[RA_VERBS] = {
    [RA_V_HIT] = {"hit", "hit", 'R'},
    [RA_V_NEAR_HIT] = {"near_hit", "near hit, not validated", 'R'},
    [RA_V_NEAR_VALIDATED] = {"near_validated", "near hit, validated", 'R'},
    [RA_V_UPSTREAM] = {"upstream_read", "reads upstream", 'R'},
    [RA_V_JOIN] = {"join", "joins a flight that has read upstream", 'R'},
    [RA_V_LOOK] = {"look", "looks at", 'R'},
    [RA_V_LOOK_MISS] = {"miss", "lookup: no hit", 'R'},
    [RA_V_NEAR_LOOK] = {"near_look", "validates a near entry by", 'R'},
    [RA_V_NEAR_BROKEN] = {"near_broken", "near entry is void by", 'R'},
    [RA_V_NEAR_INSERT] = {"near_insert", "puts its hit into the near cache", 'R'},
    [RA_V_NEAR_NOT_INSERTED] = {"near_not_inserted", "doesn't put its hit into the near cache", 'R'},
    [RA_V_TOKEN] = {"token", "MISS gives a token of", 'R'},
    [RA_V_BYPASS] = {"bypass", "bypasses, because of", 'R'},
    [RA_V_FILL] = {"fill", "FILL stores in", 'R'},
    [RA_V_FILL_REFUSED] = {"fill_refused", "FILL is refused by", 'R'},
    [RA_V_FILL_LOST] = {"fill_lost", "FILL is lost", 'R'},
    [RA_V_BEGIN] = {"begin", "BEGIN", 'W'},
    [RA_V_ACK] = {"ack", "BEGIN's acknowledgement is in:", 'W'},
    [RA_V_GIVE_UP] = {"give_up", "gives up, nothing was sent", 'W'},
    [RA_V_SEND] = {"send", "sends its request", 'W'},
    [RA_V_RESEND] = {"resend", "gives up waiting and sends again", 'W'},
    [RA_V_COMMIT] = {"commit", "upstream COMMITS its request", 'W'},
    [RA_V_STRAY_COMMIT] = {"stray_commit", "upstream COMMITS its first attempt", 'W'},
    [RA_V_REJECT] = {"reject", "upstream rejects its request", 'W'},
    [RA_V_RESULT] = {"result", "gets upstream's reply", 'W'},
    [RA_V_TIMEOUT_ENDS] = {"timeout_ends", "times out", 'W'},
    [RA_V_DELETE] = {"delete", "deletes", 'W'},
    [RA_V_ANSWER] = {"answer", "answers its client", 'W'},
    [RA_V_END] = {"end", "END", 'W'},
    [RA_V_END_LATE] = {"end_late", "END, whose marker is gone,", 'W'},
    [RA_V_REBEGIN] = {"rebegin", "BEGIN again", 'W'},
    [RA_V_HOLD_OVER] = {"hold_over", "marker runs out:", 'W'},
    [RA_V_SETTLED] = {"settled", "settle time has passed:", 'W'},
    [RA_V_PROMISED] = {"promised", "must be seen in the index from now on", 'W'},
    [RA_V_EVICT] = {"evict", "data evicted or invalidated:", 0},
    [RA_V_ENTRY_EXPIRES] = {"entry_expires", "an entry expires:", 0},
    [RA_V_MARKERS_LOST] = {"markers_lost", "markers removed:", 0},
    [RA_V_NEAR_DROP] = {"near_drop", "near entry dropped", 0},
    [RA_V_PUSH] = {"push", "push arrives:", 0},
    [RA_V_INDEX] = {"index", "the index follows", 0},
    [RA_V_REPLICATE] = {"replicate", "the replica catches up", 0},
    [RA_V_FAILOVER] = {"failover", "FAILOVER: the replica becomes master", 0},
    [RA_V_RECONNECT] = {"reconnect", "notices, and quarantines", 'P'},
    [RA_V_QUARANTINE_OVER] = {"quarantine_over", "ends its quarantine", 'P'},
};

static const char *const key_names[] = {"partition", "item", "table", ""};
static const char *const shape_names[] = {"query A", "query B", "get"};
static const char *const verdicts[] = {"holds", "broken", "unfinished"};

/* ---- traces ---- */

static void print_server(const ra_run *run, const ra_server *v)
{
    for (unsigned k = 0; k < RA_KEYS; k++) {
        const ra_cell *c = &v->key[k];
        if (c->generation)
            printf("  %s: g%u", key_names[k], c->generation);
        for (unsigned w = 0; w < run->scope->writers; w++)
            if (c->marks >> w & 1)
                printf("  %s: marker W%u", key_names[k], w);
    }
    for (unsigned e = 0; e < RA_SHAPES; e++) {
        if (!v->entry[e].value)
            continue;
        printf("  %s = v%u", shape_names[e], v->entry[e].value - 1);
        if (v->entry[e].guard)
            printf(" (table g%u)", v->entry[e].guard);
    }
}

static void print_reader(const ra_run *run, unsigned i, const ra_reader *r)
{
    if (r->phase == RA_R_IDLE)
        return;
    printf("  R%u:", i);
    if (r->unit)
        printf(" %s g%u", key_names[ra_unit_of(r->shape)], r->unit);
    if (r->guard && run->scope->guarded)
        printf(" table g%u", r->guard);
    if (r->value)
        printf(" v%u", r->value - 1);
}

static void print_state(const ra_run *run, const ra_state *s)
{
    printf("        upstream v%u", s->commits);
    if (run->scope->index)
        printf("  index v%u", s->index);
    if (run->scope->oracle == RA_ORACLE_ACKED)
        printf("  promised v%u", s->known);
    printf(" |");
    print_server(run, &s->server[0]);
    if (run->scope->failover) {
        printf(" | %s:", s->failed_over ? "new master" : "replica");
        print_server(run, &s->server[1]);
    }
    printf(" |");
    for (unsigned i = 0; i < run->scope->readers; i++)
        print_reader(run, i, &s->reader[i]);
    if (s->near.value)
        printf("  near: v%u%s", s->near.value - 1, s->near.suspect ? ", suspect" : "");
    printf("\n");
}

static void print_step(const ra_label *l, const ra_state *after)
{
    const verb_text *v = &verbs[l->verb];
    if (v->actor)
        printf("%c%u  ", v->actor, l->who);
    else
        printf("    ");
    printf("%s %s", v->text, key_names[l->key]);
    if (l->verb <= RA_V_JOIN)
        printf("-> v%u", l->got);
    if (l->verb == RA_V_COMMIT || l->verb == RA_V_STRAY_COMMIT)
        printf("as v%u", after->commits);
    printf("\n");
}

void ra_report_trace(const ra_run *run, const ra_result *r)
{
    printf("The shortest way there:\n");
    for (unsigned i = 0; i < r->ntrace; i++) {
        const ra_trace_step *t = &r->trace[i];
        printf("%4u  ", i + 1);
        print_step(&t->label, &t->after);
        if (i + 1 < r->ntrace)
            print_state(run, &t->after);
    }
    if (r->ntrace)
        printf("      it returned v%u; v%u was due when it was invoked\n", r->trace[r->ntrace - 1].label.got,
               r->trace[r->ntrace - 1].label.floor);
}

/* ---- results ---- */

void ra_report_start(ra_report *p)
{
    if (p->json)
        printf("{\"results\": [");
    else
        printf("%-24s %-24s %10s %12s %8s  %s\n", "configuration", "mutant", "states", "transitions",
               "seconds", "verdict");
}

static void print_json_trace(const ra_result *r)
{
    printf(", \"trace\": [");
    for (unsigned i = 0; i < r->ntrace; i++) {
        const ra_label *l = &r->trace[i].label;
        printf("%s{\"step\": \"%s\"", i ? ", " : "", verbs[l->verb].name);
        if (verbs[l->verb].actor)
            printf(", \"actor\": \"%c%u\"", verbs[l->verb].actor, l->who);
        if (l->key != RA_NO_KEY)
            printf(", \"key\": \"%s\"", key_names[l->key]);
        if (l->verb <= RA_V_JOIN)
            printf(", \"returned\": %u, \"due\": %u", l->got, l->floor);
        printf("}");
    }
    printf("]");
}

static void print_json(ra_report *p, const ra_run *run, const ra_result *r, enum ra_verb unseen, bool passed)
{
    printf("%s\n{\"configuration\": \"%s\", \"mutant\": \"%s\", \"verdict\": \"%s\", \"passed\": %s",
           p->printed ? "," : "", run->scope->name, ra_mutant_table[run->mutant].name, verdicts[r->verdict],
           passed ? "true" : "false");
    printf(", \"states\": %" PRIu64 ", \"transitions\": %" PRIu64 ", \"seconds\": %.3f", r->states,
           r->transitions, r->seconds);
    if (unseen != RA_VERBS)
        printf(", \"never_met\": \"%s\"", verbs[unseen].name);
    printf(", \"steps\": {");
    bool comma = false;
    for (unsigned v = 0; v < RA_VERBS; v++) {
        if (!r->seen[v])
            continue;
        printf("%s\"%s\": %" PRIu64, comma ? ", " : "", verbs[v].name, r->seen[v]);
        comma = true;
    }
    printf("}");
    if (r->ntrace)
        print_json_trace(r);
    printf("}");
}

void ra_report_result(ra_report *p, const ra_run *run, const ra_result *r, enum ra_verb unseen, bool passed)
{
    if (p->json) {
        print_json(p, run, r, unseen, passed);
    } else {
        printf("%-24s %-24s %10" PRIu64 " %12" PRIu64 " %8.2f  %s", run->scope->name,
               ra_mutant_table[run->mutant].name, r->states, r->transitions, r->seconds,
               verdicts[r->verdict]);
        if (r->ntrace)
            printf(" in %u steps", r->ntrace);
        if (unseen != RA_VERBS)
            printf(", but never met: %s", verbs[unseen].name);
        printf("%s\n", passed ? "" : "   <-- WRONG");
    }
    p->printed++;
    fflush(stdout);
}

void ra_report_end(ra_report *p, bool passed)
{
    if (p->json)
        printf("\n], \"passed\": %s}\n", passed ? "true" : "false");
    else
        printf("%u runs: %s\n", p->printed, passed ? "as it should be" : "NOT as it should be");
}
