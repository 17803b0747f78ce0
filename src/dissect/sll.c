/* sll.c - views of Linux's cooked link headers. */
#include "dissect/sll.h"

size_t sll_need(struct span rest)
{
    (void)rest;
    return 16;
}

size_t sll2_need(struct span rest)
{
    (void)rest;
    return 20;
}

bool sll_view(struct span *rest, struct sll *s)
{
    return span_take(rest, sll_need(*rest), &s->header);
}

bool sll2_view(struct span *rest, struct sll2 *s)
{
    return span_take(rest, sll2_need(*rest), &s->header);
}
