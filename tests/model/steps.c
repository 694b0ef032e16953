#include "tests/model/steps.h"

void ra_steps(const ra_run *run, const ra_state *from, ra_sink *sink)
{
    const ra_step st = {.run = run, .from = from, .sink = sink};
    ra_reader_steps(&st);
    ra_writer_steps(&st);
    ra_store_steps(&st);
    if (run->scope->failover)
        ra_failover_steps(&st);
    if (run->scope->index)
        ra_index_steps(&st);
}
