/* Any text as a policy rule and as a policy file: refused or evaluated, never a crash. Nobody is asked over the network. */
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oslo/auth/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy defaults[] = {
    { "admin_required", "role:admin or is_admin:1" },
    { "owner", "user_id:%(user_id)s", "project", .was = "rule:admin_required" },
    {}
};

static void file(struct ctx *c, const uint8_t *data, size_t size)
{
    int fd = memfd_create("policy", MFD_CLOEXEC);
    struct policy_settings settings = { .policy_file = ctx_printf(c, "/proc/self/fd/%d", fd), .enforce_scope = true };

    if (write(fd, data, size) == (ssize_t)size) {
        struct policies *policies = policies_load(c, defaults, &settings);

        if (policies)
            policies_allow(policies, "owner", &c->who, NULL);
        policies_unref(policies);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const roles[] = { "reader", NULL };
    bool allowed;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    c.who = (struct identity){ .user_id = "u", .project_id = "p", .roles = roles };
    const char *text = ctx_strndup(&c, (const char *)data, size);
    rules_same(&c, text, text);
    if (!strstr(text, "http"))
        policies_evaluate(&c, NULL, text, TARGET("project_id", "p", "x", NULL), &allowed);
    file(&c, data, strstr(text, "http") ? 0 : size);
    ctx_clear(&c);
    return 0;
}
