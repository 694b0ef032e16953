#include "proxy/ddb_generate_people.h"

#include "config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum { MANY = 30000 };

static int order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t distinct(char **texts, size_t n)
{
    size_t count = 0;
    qsort(texts, n, sizeof *texts, order);
    for (size_t i = 0; i < n; i++)
        count += i == 0 || strcmp(texts[i], texts[i - 1]) != 0;
    return count;
}

/* Far more people than names: all handles and ids differ, whatever the key. */
static void test_handles_are_unique(void **state)
{
    (void)state;
    for (uint64_t key = 0; key < 3; key++) {
        static char *handles[MANY], *uuids[MANY];
        ra_people people = ra_people_of(key);
        assert_true(people.names > 1000 && people.names * 3 < MANY);
        for (size_t i = 0; i < MANY; i++) {
            ra_person p;
            ra_person_make(&people, i, &p);
            handles[i] = strdup(p.handle);
            uuids[i] = strdup(p.uuid);
            assert_true(handles[i] && uuids[i]);
        }
        assert_int_equal(distinct(handles, MANY), MANY);
        assert_int_equal(distinct(uuids, MANY), MANY);
        for (size_t i = 0; i < MANY; i++) {
            free(handles[i]);
            free(uuids[i]);
        }
    }
}

/* The names' own pairs come first, all of them; then the same people's namesakes, with numbers. */
static void test_namesakes_get_numbers(void **state)
{
    (void)state;
    ra_people people = ra_people_of(5);
    for (uint64_t i = 0; i < people.names; i += 97) {
        ra_person one, two, hundredth;
        ra_person_make(&people, i, &one);
        ra_person_make(&people, i + people.names, &two);
        ra_person_make(&people, i + people.names * 99, &hundredth);
        assert_string_equal(one.display_name, two.display_name);
        size_t n = strlen(one.handle);
        assert_int_equal(strcspn(one.handle, "0123456789"), n);
        assert_memory_equal(one.handle, two.handle, n);
        assert_string_equal(two.handle + n, "2");
        assert_string_equal(hundredth.handle + n, "100");
    }
}

static void test_texts(void **state)
{
    (void)state;
    ra_people people = ra_people_of(1);
    size_t ascii = 0;
    for (uint64_t i = 0; i < people.names; i++) {
        ra_person p;
        ra_person_make(&people, i, &p);
        size_t n = strlen(p.display_name), plain = 0;
        assert_true(n > 3 && n + 1 < sizeof p.display_name);
        assert_int_equal(ra_text_valid(p.display_name, n), n);
        assert_int_equal(ra_text_valid(p.first.p, p.first.n), p.first.n);
        assert_true(p.first.n > 0 && memmem(p.display_name, n, p.first.p, p.first.n));
        assert_null(strpbrk(p.display_name, "|"));
        for (size_t k = 0; k < n; k++)
            plain += (unsigned char)p.display_name[k] < 0x80;
        ascii += plain == n;
        n = strlen(p.handle);
        assert_int_equal(strspn(p.handle, "abcdefghijklmnopqrstuvwxyz._"), n);
        assert_int_equal(strspn(p.handle, "abcdefghijklmnopqrstuvwxyz"), strcspn(p.handle, "._"));
        assert_true(strcspn(p.handle, "._") >= 2 && n - strcspn(p.handle, "._") >= 3);
    }
    assert_in_range(ascii, people.names / 20, people.names / 2);
}

static void test_other_keys_other_people(void **state)
{
    (void)state;
    ra_people one = ra_people_of(1), two = ra_people_of(2);
    size_t same = 0;
    for (uint64_t i = 0; i < 100; i++) {
        ra_person a, b;
        ra_person_make(&one, i, &a);
        ra_person_make(&two, i, &b);
        assert_string_not_equal(a.uuid, b.uuid);
        same += strcmp(a.handle, b.handle) == 0;
    }
    assert_in_range(same, 0, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles_are_unique),
        cmocka_unit_test(test_namesakes_get_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_other_keys_other_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
