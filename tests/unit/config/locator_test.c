#include "tests/unit/config/expect.h"

#include "config/locator.h"

static const char text[] = "{\n\"a\": 1,\n\"b\": [\n2,\n{\"c\": 3}],\n\"a\": 4}";

static void test_every_node_has_its_line(void **state)
{
    (void)state;
    ra_locator l;
    int line;
    char error[RA_SCAN_ERROR_MAX];
    assert_true(ra_locator_read(&l, text, strlen(text), &line, error));
    cJSON *root = cJSON_Parse(text);
    assert_true(ra_locator_bind(&l, root));
    const cJSON *a = root->child, *b = a->next, *again = b->next;
    assert_int_equal(ra_locator_line(&l, root), 1);
    assert_int_equal(ra_locator_line(&l, a), 2);
    assert_int_equal(ra_locator_line(&l, b), 3);
    assert_int_equal(ra_locator_line(&l, b->child), 4);
    assert_int_equal(ra_locator_line(&l, b->child->next->child), 5);
    assert_int_equal(ra_locator_line(&l, again), 6);
    assert_int_equal(ra_locator_line(&l, NULL), 0);
    ra_locator_refuse(&l, b);
    assert_true(ra_locator_refused(&l, b));
    assert_false(ra_locator_refused(&l, a));
    assert_false(ra_locator_refused(&l, NULL));
    ra_locator_free(&l);
    cJSON_Delete(root);
}

static void test_another_document_is_not_bound(void **state)
{
    (void)state;
    static const char *const others[] = {"{\"a\": 1}",
                                         "{\"a\": 1, \"b\": [2, {\"c\": 3}], \"a\": 4, \"d\": 5}"};
    for (size_t i = 0; i < 2; i++) {
        ra_locator l;
        int line;
        char error[RA_SCAN_ERROR_MAX];
        assert_true(ra_locator_read(&l, text, strlen(text), &line, error));
        cJSON *root = cJSON_Parse(others[i]);
        assert_false(ra_locator_bind(&l, root));
        ra_locator_free(&l);
        cJSON_Delete(root);
    }
}

static void test_what_is_not_json_can_be_freed(void **state)
{
    (void)state;
    ra_locator l;
    int line;
    char error[RA_SCAN_ERROR_MAX];
    assert_false(ra_locator_read(&l, "[1, 2", 5, &line, error));
    assert_int_equal(line, 1);
    ra_locator_free(&l);
    assert_int_equal(ra_locator_line(&l, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_node_has_its_line),
        cmocka_unit_test(test_another_document_is_not_bound),
        cmocka_unit_test(test_what_is_not_json_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
