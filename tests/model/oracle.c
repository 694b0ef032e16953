/*
 * Two oracles.
 *
 * RA_ORACLE_LOG: a read returns nothing older than upstream's commit log at the read's invocation. What it
 * returns was committed before it returned (values come from upstream alone), so the version v of a read that
 * passes lies between the log's length at its invocation and that at its return. The log grows by one at a
 * time; so there is a moment within the read at which the log's newest version was v: v's own commit if that
 * lies within the read, else the invocation. Put each read at that moment and each write at its commit, which
 * lies between its invocation and its answer: every read then returns the newest write before it. That is
 * linearizability of the unit, and so a state space in which this oracle never fails has none but
 * linearizable histories. It asks for a little more than linearizability does (a write that is committed but
 * that nobody has been told of must be seen already), which is what the protocol gives: the marker is there
 * before the commit.
 *
 * RA_ORACLE_ACKED: a read returns nothing older than the newest write that was promised to it at its
 * invocation, that is `known`, which grows when a write's promise falls due.
 */
#include "tests/model/oracle.h"

unsigned ra_oracle_floor(const ra_run *run, const ra_state *s)
{
    return run->scope->oracle == RA_ORACLE_LOG ? s->commits : s->known;
}

void ra_oracle_promise(ra_state *s, const ra_writer *w)
{
    if (w->version > s->known)
        s->known = w->version;
}

bool ra_oracle_broken(const ra_label *label)
{
    return label->verb <= RA_V_JOIN && label->got < label->floor;
}
