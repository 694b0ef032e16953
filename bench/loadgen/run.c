#include "bench/loadgen/run.h"

#include "bench/loadgen/cpu.h"
#include "bench/loadgen/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECOND 1000000000ULL

enum { LINE_TERMINAL = 1, LINE_FILE = 10 /* seconds between two lines of progress */ };

/* ---- progress ---- */

typedef struct progress {
    uint64_t at, seen; /* when the newest line was shown, and what it counted */
} progress;

static void show(const ra_run *run, progress *p, uint64_t now)
{
    uint64_t seen = 0, failed = 0;
    for (unsigned i = 0; i < run->options->threads; i++) {
        seen += atomic_load_explicit(&run->workers[i].seen, memory_order_relaxed);
        failed += atomic_load_explicit(&run->workers[i].failed, memory_order_relaxed);
    }
    double rate = (double)(seen - p->seen) * 1e9 / (double)(now - p->at);
    fprintf(stderr, "%sreadaside-bench: %.0f s, %llu requests, %llu errors, %.0f/s now%s",
            run->options->terminal ? "\r" : "", (double)(now - run->start) / 1e9, (unsigned long long)seen,
            (unsigned long long)failed, rate, run->options->terminal ? "\033[K" : "\n");
    fflush(stderr);
    *p = (progress){.at = now, .seen = seen};
}

static void end_progress(const ra_run *run)
{
    if (run->options->terminal)
        fputs("\r\033[K", stderr);
}

/* ---- threads ---- */

static void stop(ra_run *run)
{
    atomic_store(&run->stop, true);
    for (unsigned i = 0; i < run->options->threads; i++)
        ra_worker_poke(&run->workers[i]);
}

/* Some of a run is no run: the threads that have started end where they are, the others never begin. */
static void abandon(ra_run *run, unsigned started)
{
    atomic_store(&run->over, true);
    atomic_fetch_sub(&run->running, run->options->threads - started);
    for (unsigned i = 0; i < started; i++)
        ra_mailbox_post(run->workers[i].mailbox, &run->workers[i].go);
}

/* Waits for all threads. SIGUSR1 says that one has ended; the others are a person's wish. */
static void await(ra_run *run, const sigset_t *signals, bool *interrupted)
{
    uint64_t every = (run->options->terminal ? LINE_TERMINAL : LINE_FILE) * SECOND;
    progress p = {.at = run->start};
    while (atomic_load(&run->running) > 0) {
        uint64_t now = ra_conn_now(), next = p.at + every;
        if (now >= next) {
            show(run, &p, now);
            continue;
        }
        struct timespec wait = {.tv_sec = (time_t)((next - now) / SECOND),
                                .tv_nsec = (long)((next - now) % SECOND)};
        int s = sigtimedwait(signals, NULL, &wait);
        if (s == SIGINT || s == SIGTERM) {
            *interrupted = true;
            stop(run);
        }
    }
    end_progress(run);
}

static const char *start(ra_run *run, unsigned *started)
{
    run->start = ra_conn_now();
    atomic_store(&run->running, run->options->threads);
    atomic_store(&run->away, run->options->threads);
    for (*started = 0; *started < run->options->threads; ++*started) {
        ra_worker *w = &run->workers[*started];
        if (pthread_create(&w->thread, NULL, ra_worker_main, w) != 0)
            return "a thread can't be started";
    }
    return NULL;
}

/* ---- the sum ---- */

static void sum_up(const ra_run *run, ra_run_result *out)
{
    const ra_run_options *o = run->options;
    for (unsigned i = 0; i < o->threads; i++) {
        const ra_worker *w = &run->workers[i];
        uint64_t took = w->ended > run->start ? w->ended - run->start : 1;
        double share = (double)w->cpu / (double)took;
        ra_stats_merge(&out->stats, &w->stats);
        out->client_cpu += w->cpu;
        out->scheduled += w->scheduled;
        out->elapsed = took > out->elapsed ? took : out->elapsed;
        out->busiest = share > out->busiest ? share : out->busiest;
    }
    out->schedule = o->open_loop ? ra_schedule_due(&o->schedule, out->scheduled) : 0;
}

static void note_server_cpu(const ra_run_options *o, double seconds[RA_PIDS_MAX])
{
    for (unsigned i = 0; i < o->npids; i++) {
        if (!ra_cpu_of_process(o->pids[i], &seconds[i]))
            seconds[i] = -1;
    }
}

static void run_threads(ra_run *run, ra_run_result *out, const sigset_t *signals, const char **wrong)
{
    double before[RA_PIDS_MAX] = {0};
    unsigned started;
    note_server_cpu(run->options, before);
    *wrong = start(run, &started);
    if (*wrong)
        abandon(run, started);
    await(run, signals, &out->interrupted);
    note_server_cpu(run->options, out->server_cpu);
    for (unsigned i = 0; i < run->options->npids; i++)
        out->server_cpu[i] = before[i] < 0 || out->server_cpu[i] < 0 ? -1 : out->server_cpu[i] - before[i];
    for (unsigned i = 0; i < started; i++)
        pthread_join(run->workers[i].thread, NULL);
    /* what came after the last look must not end the program once signals are let through again */
    const struct timespec none = {0};
    while (sigtimedwait(signals, NULL, &none) > 0)
        continue;
}

const char *ra_run_go(const ra_run_options *o, ra_run_result *out)
{
    ra_run run = {.options = o, .main = pthread_self()};
    const char *wrong = NULL;
    sigset_t signals, old;
    *out = (ra_run_result){0};
    run.workers = calloc(o->threads, sizeof *run.workers);
    bool made = run.workers != NULL;
    for (unsigned i = 0; made && i < o->threads; i++)
        made = ra_worker_init(&run.workers[i], &run, i);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, &old); /* the threads inherit it */
    if (made)
        run_threads(&run, out, &signals, &wrong);
    else
        wrong = "out of memory or of file descriptors";
    if (!wrong)
        sum_up(&run, out);
    for (unsigned i = 0; run.workers && i < o->threads; i++)
        ra_worker_free(&run.workers[i]);
    free(run.workers);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return wrong;
}
