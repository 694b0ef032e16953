/* `readaside cache COMMAND`: its commands. Each returns the exit status. Threads: main's only. */
#ifndef RA_PROXY_CLI_CACHE_H
#define RA_PROXY_CLI_CACHE_H

int ra_cli_cache_ping(int argc, char **argv); /* argv[0] is "ping" */
int ra_cli_cache_get(int argc, char **argv);
int ra_cli_cache_delete(int argc, char **argv);
int ra_cli_cache_stats(int argc, char **argv);

#endif
