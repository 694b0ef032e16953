#include "bench/fixed_reply_batch.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 100, ITEM_MAX = 4096, ID_MAX = 64 };

static const char *id_of(const cJSON *key)
{
    const char *id = cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(key, "id"), "S"));
    return id && strlen(id) <= ID_MAX && !strpbrk(id, "\"\\") ? id : NULL;
}

/* {"Item":...} around it makes it `item_bytes` long. */
static bool print_item(FILE *out, const char *id, size_t item_bytes)
{
    char item[ITEM_MAX + 1];
    int head = snprintf(item, sizeof item, "{\"id\":{\"S\":\"%s\"},\"value\":{\"S\":\"", id);
    static const char tail[] = "\"}}";
    size_t around = sizeof "{\"Item\":}" - 1;
    size_t rest = (size_t)head + sizeof tail - 1 + around;
    if (item_bytes > ITEM_MAX || rest > item_bytes)
        return false;
    memset(item + head, 'x', item_bytes - rest);
    memcpy(item + (size_t)head + (item_bytes - rest), tail, sizeof tail);
    return fputs(item, out) >= 0;
}

static bool print_table(FILE *out, const cJSON *table, size_t item_bytes)
{
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(table, "Keys");
    if (!cJSON_IsArray(keys) || cJSON_GetArraySize(keys) > KEYS_MAX || strpbrk(table->string, "\"\\"))
        return false;
    bool ok = fprintf(out, "\"%s\":[", table->string) > 0;
    for (const cJSON *key = keys->child; ok && key; key = key->next) {
        const char *id = id_of(key);
        ok = id && (key == keys->child || fputc(',', out) != EOF) && print_item(out, id, item_bytes);
    }
    return ok && fputc(']', out) != EOF;
}

char *ra_fixed_batch(const char *body, size_t item_bytes)
{
    cJSON *request = cJSON_Parse(body);
    const cJSON *tables = cJSON_GetObjectItemCaseSensitive(request, "RequestItems");
    char *text = NULL;
    size_t size = 0;
    FILE *out = cJSON_IsObject(tables) ? open_memstream(&text, &size) : NULL;
    bool ok = out && fputs("{\"Responses\":{", out) >= 0;
    for (const cJSON *table = ok ? tables->child : NULL; ok && table; table = table->next)
        ok = (table == tables->child || fputc(',', out) != EOF) && print_table(out, table, item_bytes);
    ok = ok && fputs("},\"UnprocessedKeys\":{}}", out) >= 0;
    if (out)
        ok = fclose(out) == 0 && ok;
    cJSON_Delete(request);
    if (ok)
        return text;
    free(text);
    return NULL;
}
