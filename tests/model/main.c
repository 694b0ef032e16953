/* Checks the consistency protocol, or that every deliberate mistake in it is found. README.md says more. */
#include "tests/model/report.h"
#include "tests/model/scopes.h"

#include <stdlib.h>
#include <string.h>

/* About 50 bytes a state, with the set: what fits into 2 GiB, and what a machine of one's own may have. */
#define MAX_STATES     ((uint64_t)32000000)
#define MAX_STATES_BIG ((uint64_t)400000000)

typedef struct options {
    const ra_scope *scope; /* NULL: all */
    enum ra_mutant mutant;
    bool mutants; /* all of them */
    bool big;
    bool trace;
    bool plain;
    ra_report report;
} options;

static const char usage[] =
    "usage: model [--scope NAME] [--mutant NAME | --mutants] [--big] [--trace] [--plain] [--json]\n"
    "       model --list | --list-mutants\n"
    "\n"
    "Tries every order of events of the consistency protocol at small scope. Without options: all\n"
    "configurations but the large ones; the protocol must hold, and the modes that promise nothing must "
    "fail.\n"
    "\n"
    "  --scope NAME    this configuration alone\n"
    "  --mutant NAME   with this mistake in the protocol, in the configuration that is about it\n"
    "  --mutants       every mistake in turn: each must be found\n"
    "  --big           the large configurations as well (minutes, and many GiB)\n"
    "  --trace         print the shortest way to each violation, the expected ones too\n"
    "  --plain         don't merge states that differ only in names: slower, the verdicts must be the same\n"
    "  --json          everything as one JSON document\n"
    "  --list          the configurations\n"
    "  --list-mutants  the mistakes\n"
    "\n"
    "Status: 0 if all is as it should be, 1 if not, 2 for wrong usage. A mistake asked for by name is "
    "reported\n"
    "as the protocol's own failure would be: status 1 when it is found.\n";

/* ---- runs ---- */

/* Does this run end as it should? */
static bool run(options *o, const ra_scope *scope, enum ra_mutant mutant, bool must_fail)
{
    const ra_run r = {.scope = scope, .mutant = mutant, .plain = o->plain};
    ra_result result;
    ra_search(&r, o->big ? MAX_STATES_BIG : MAX_STATES, &result);
    enum ra_verb unseen = result.verdict == RA_HOLDS ? ra_scope_unseen(scope, &result) : RA_VERBS;
    bool passed = must_fail ? result.verdict == RA_BROKEN : result.verdict == RA_HOLDS && unseen == RA_VERBS;
    ra_report_result(&o->report, &r, &result, unseen, passed);
    if (result.verdict == RA_BROKEN && !o->report.json && (o->trace || !passed))
        ra_report_trace(&r, &result);
    ra_result_free(&result);
    return passed;
}

static bool run_protocol(options *o)
{
    bool passed = true;
    for (unsigned i = 0; i < ra_scopes; i++) {
        const ra_scope *scope = &ra_scope_table[i];
        if (o->scope ? o->scope == scope : !scope->big || o->big)
            passed = run(o, scope, RA_MUTANT_NONE, scope->must_fail) && passed;
    }
    return passed;
}

static const ra_scope *scope_for(const options *o, enum ra_mutant m)
{
    return o->scope ? o->scope : ra_scope_find(ra_mutant_table[m].scope);
}

static bool run_mutants(options *o)
{
    bool passed = true;
    for (enum ra_mutant m = RA_MUTANT_NONE + 1; m < RA_MUTANTS; m++)
        passed = run(o, scope_for(o, m), m, true) && passed;
    return passed;
}

/* ---- options ---- */

static int list(void)
{
    for (unsigned i = 0; i < ra_scopes; i++) {
        const ra_scope *s = &ra_scope_table[i];
        printf("%-24s %s%s%s\n", s->name, s->says, s->must_fail ? " (must fail)" : "",
               s->big ? " (--big)" : "");
    }
    return 0;
}

static int list_mutants(void)
{
    for (enum ra_mutant m = RA_MUTANT_NONE + 1; m < RA_MUTANTS; m++)
        printf("%-24s %s (%s)\n", ra_mutant_table[m].name, ra_mutant_table[m].says, ra_mutant_table[m].scope);
    return 0;
}

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "model: %s %s\n\n%s", what, value, usage);
    return 2;
}

/* -1: go on; else the status to end with. */
static int parse(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(a, "--scope") == 0) {
            o->scope = ra_scope_find(value);
            if (!o->scope)
                return wrong("no such configuration:", value);
            i++;
        } else if (strcmp(a, "--mutant") == 0) {
            o->mutant = ra_mutant_find(value);
            if (o->mutant == RA_MUTANTS)
                return wrong("no such mutant:", value);
            i++;
        } else if (strcmp(a, "--mutants") == 0) {
            o->mutants = true;
        } else if (strcmp(a, "--big") == 0) {
            o->big = true;
        } else if (strcmp(a, "--trace") == 0) {
            o->trace = true;
        } else if (strcmp(a, "--plain") == 0) {
            o->plain = true;
        } else if (strcmp(a, "--json") == 0) {
            o->report.json = true;
        } else if (strcmp(a, "--list") == 0) {
            return list();
        } else if (strcmp(a, "--list-mutants") == 0) {
            return list_mutants();
        } else if (strcmp(a, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        } else {
            return wrong("unknown option", a);
        }
    }
    return o->mutants && o->mutant ? wrong("--mutants and --mutant exclude each other", "") : -1;
}

int main(int argc, char **argv)
{
    options o = {0};
    int status = parse(&o, argc, argv);
    if (status >= 0)
        return status;
    ra_report_start(&o.report);
    bool passed = o.mutants  ? run_mutants(&o)
                  : o.mutant ? run(&o, scope_for(&o, o.mutant), o.mutant, false)
                             : run_protocol(&o);
    ra_report_end(&o.report, passed);
    return passed ? 0 : 1;
}
