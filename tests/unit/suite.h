/* suite.h - a CUnit suite as a table of sentences.
 *
 *     static const struct test tests[] = {
 *         {"a view that ends inside the header is not born", ends_inside_the_header},
 *     };
 *     SUITE("tcp", tests)
 *
 * Checks are CUnit's: CU_ASSERT_EQUAL and its like. */
#ifndef SEINE_TESTS_SUITE_H
#define SEINE_TESTS_SUITE_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct test {
    const char *sentence;
    void (*run)(void);
};

/* Runs the tests and prints CUnit's own summary; returns main's exit status. */
int suite_run(const char *name, const struct test tests[], size_t count);

#define SUITE(name, tests)                                                 \
    int main(void)                                                         \
    {                                                                      \
        return suite_run(name, tests, sizeof(tests) / sizeof((tests)[0])); \
    }

#endif
