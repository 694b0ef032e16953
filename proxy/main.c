#include "proxy/cli.h"

#include <signal.h>

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a peer that has gone is an error of one write, not the end of the process */
    return ra_cli_main(argc, argv);
}
