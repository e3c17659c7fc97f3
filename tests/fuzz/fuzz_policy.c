/* Any text as a policy rule: refused or evaluated, never a crash. */
#include <stddef.h>

#include "oslo/auth/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const roles[] = { "reader", NULL };
    bool allowed;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    c.who = (struct identity){ .user_id = "u", .project_id = "p", .roles = roles };
    policies_evaluate(&c, NULL, ctx_strndup(&c, (const char *)data, size), TARGET("project_id", "p", "x", NULL), &allowed);
    ctx_clear(&c);
    return 0;
}
