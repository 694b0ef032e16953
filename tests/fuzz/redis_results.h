/* A reply of Redis's, taken for the result of each command and script by which entries are looked up. */
#ifndef RA_TESTS_FUZZ_REDIS_RESULTS_H
#define RA_TESTS_FUZZ_REDIS_RESULTS_H

struct redisReply;

void fuzz_redis_results_start(void);
void fuzz_redis_result(const struct redisReply *r);

#endif
