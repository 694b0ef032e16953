"""What can be asked of a run, and what doesn't go together."""
import argparse
import os
import pathlib
import random

import cluster
import faults
import timing

HERE = pathlib.Path(__file__).resolve().parent
LEAST_READS_PER_SECOND = 100
PATIENCE = 5  # times the minutes that were asked for
FAULTS = sorted({*faults.MEMORY_FAULTS, *faults.REDIS_FAULTS, *faults.FAILOVERS, faults.STOP_SIGNING})


def parser(description):
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("--minutes", type=float, default=2)
    add("--store", choices=("memory", "redis"), default="redis")
    add("--mode", choices=("linearizable", "read_after_write"), default="linearizable")
    add("--upstream", choices=("stand-in", "local"), default="stand-in", help="local: DynamoDB Local, which has no mishaps and no commit log")
    add("--proxies", type=int, help="default: 3, with store memory 1")
    add("--replicas", type=int, default=0, help="of Redis: with some there are failovers, in which a write must have reached one")
    add("--when-store-down", choices=("refuse", "pass"), help="writes_when_store_down; default: the program's")
    add("--near", type=float, metavar="SECONDS", help="the near cache's max_age; 0 turns it off; default: the program's")
    add("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    add("--json", action="store_true", help="the figures as JSON instead of a table")
    add("--gap", type=float, help="seconds between two faults, at most; default: 3, with store memory 15")
    add("--round", type=float, default=30, help="seconds after which what has happened is judged; default: %(default)g")
    add("--min-reads", type=int, help=f"goes on until there are so many, up to {PATIENCE} times as long; fewer fail; default: {LEAST_READS_PER_SECOND} a second")
    add("--stopper", metavar="LIBRARY", help="stop_signing.c as it was built: proxies are stopped there, too")
    add("--only", action="append", choices=FAULTS, help="this fault alone; may be given again")
    add("--no-faults", action="store_true")
    add("--stop-at-first", action="store_true", help="end with the round that has a violation")
    add("--keep", metavar="FOLDER", help="leaves configs, logs and the commit log there")
    mutants = "; ".join(f"{name}: {what}" for name, what in cluster.MUTANTS.items())
    add("--mutant", choices=tuple(cluster.MUTANTS), help=f"something that must be caught. {mutants}")
    return made


def read(description):
    made = parser(description)
    options = made.parse_args()
    _fill_in(options)
    problem = _problem(options)
    if problem:
        made.error(problem)
    return options


def _fill_in(options):
    default = os.environ.get("READASIDE_BINARY", HERE.parents[1] / "build" / "readaside")
    options.binary = pathlib.Path(default).resolve()
    if options.proxies is None:
        options.proxies = 3 if options.store == "redis" or options.mutant == "alone" else 1
    if options.gap is None:
        options.gap = 15.0 if options.store == "memory" else 3.0
    if options.mutant == "no-min-replicas":
        options.replicas = options.replicas or 2
        options.only = options.only or ["failover-cut"]
    if options.mutant == "impatient":
        options.mode, options.near, options.only = "read_after_write", options.near or 2.0, ["deaf"]
    # What is passed on where Redis is merely slow would promise nothing, and no oracle could tell.
    options.command_timeout = timing.PATIENT if options.when_store_down == "pass" else timing.COMMAND_TIMEOUT
    options.others_after = 0  # s after which other proxies must know of a write
    if options.mode == "read_after_write" and options.near and options.mutant != "impatient":
        options.others_after = options.near + options.command_timeout + timing.MOMENT


def _problem(options):
    """Words, or None."""
    memory, only = options.store == "memory", set(options.only or ())
    if not options.binary.is_file():
        return f"{options.binary} isn't there: build first, or set READASIDE_BINARY"
    if memory and options.proxies > 1 and options.mutant != "alone":
        return "proxies that don't share a store promise nothing to each other"
    if memory and not only <= set(faults.MEMORY_FAULTS):
        return f"with store memory there are {', '.join(faults.MEMORY_FAULTS)}"
    about_redis = options.replicas or options.near is not None or options.when_store_down
    if memory and (about_redis or options.mutant in ("no-quarantine", "no-min-replicas", "impatient")):
        return "replicas, near, when-store-down, and the mutants no-quarantine, no-min-replicas and impatient are about Redis"
    if only & set(faults.FAILOVERS) and options.replicas < 2:
        return "a failover needs --replicas 2: one to lead, one to follow it while the old master is away"
    if options.replicas == 1:
        return "--replicas 2 or more: one to lead, one to follow it while the old master is away"
    if faults.STOP_SIGNING in only and not options.stopper:
        return f"--only {faults.STOP_SIGNING} needs --stopper"
    if options.mode == "read_after_write" and options.near is None and not memory:
        return "--mode read_after_write needs --near: what it promises hangs on that"
    return None
