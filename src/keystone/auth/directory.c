/* By password, of a user whose domain has a directory: the directory is asked. */
#include "keystone/auth/attempt.h"
#include "keystone/directory/directory.h"

const struct directory *directory_of_user(struct ctx *c, const json_t *user)
{
    const json_t *domain = json_object_get(user, "domain");
    const char *id = json_get_string(user, "id"), *domain_id = json_get_string(domain, "id"), *domain_name = json_get_string(domain, "name"), *ignored;

    if (!json_get_string(user, "name"))
        return id ? directory_of_id(c, "user", id, &ignored) : NULL;
    if (domain_name)
        domain_id = db_get_text(c, "SELECT id FROM projects WHERE is_domain = $1 AND domain_id IS NULL AND name = $2", B(true), T(domain_name));
    return domain_id ? directory_of_domain(c, domain_id) : NULL;
}

/* The user's id, its row and groups as they are now; NULL with a fault. */
static const char *user_of(struct ctx *c, const struct directory *d, const json_t *user)
{
    const char *name = json_get_string(user, "name"), *id = name ? directory_user_by_name(c, d, name) : json_get_string(user, "id");

    if (!id || (!name && !directory_memberships_fresh(c, id))) {
        unauthorized(c);
        return NULL;
    }
    return id;
}

bool auth_by_directory(struct ctx *c, struct attempt *a, const struct directory *d, const json_t *user)
{
    const char *id = user_of(c, d, user), *password = json_get_string(user, "password");

    if (!id || !password || !directory_password_fits(c, id, password))
        return unauthorized(c);
    if (!db_count(c, "SELECT count(*) FROM users u JOIN projects d ON d.id = u.domain_id WHERE u.id = $1 AND u.enabled = $2 AND d.enabled = $2",
                  T(id), B(true)))
        return unauthorized(c);
    return attempt_user(c, a, id);
}
