/* Configurations with one route or two, for tests: each on the line that its macro says. */
#ifndef RA_TESTS_UNIT_CONFIG_ROUTE_TEXTS_H
#define RA_TESTS_UNIT_CONFIG_ROUTE_TEXTS_H

/* The routes begin on line 2. */
#define ROUTES(json) "{\"tables\":{\"abc\":{},\"def\":{\"ttl\":\"0s\"}},\"routes\":[\n" json "]}"

#define READ(path, more) "{\"name\":\"r\",\"method\":\"GET\",\"path\":\"" path "\"," more "}"
#define QUERY(key)       "\"query\":{\"table\":\"abc\",\"partition_key\":\"" key "\"}"
/* What is tested stands on line 3. */
#define WRITE(operation, request)                                                                            \
    "{\"name\":\"w\",\"method\":\"POST\",\"path\":\"/w\",\"operation\":\"" operation "\",\n"                 \
    "\"request\":" request ",\"reply\":{\"object\":{}}}"
#define PUT(item) "{\"TableName\":\"abc\",\"Item\":" item "}"

#endif
