/* Names of traits and resource classes: the standard ones, which the program brings, and custom ones. */
#include "placement/model/model.h"

#include "placement/faults.h"

#include <string.h>

struct name_list { const char *name, *text; };
extern const struct name_list placement_standard[];          /* files of standard/: a name a line */

bool is_custom(const char *name)
{
    return g_str_has_prefix(name, "CUSTOM_");
}

static const char *standard(const char *list)
{
    for (const struct name_list *l = placement_standard; l->name; l++)
        if (!strcmp(l->name, list))
            return l->text;
    return "";
}

static bool store_traits(struct ctx *c, int64_t now)
{
    for (char **name = text_split(c, standard("traits"), '\n'); *name; name++)
        if (**name && !db_exec(c, "INSERT INTO traits (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", T(*name), I(now)))
            return false;
    return true;
}

static bool store_classes(struct ctx *c, int64_t now)
{
    int64_t position = 0;

    for (char **name = text_split(c, standard("resource_classes"), '\n'); *name; name++)
        if (**name && !db_exec(c, "INSERT INTO resource_classes (name, position, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
                               T(*name), I(position++), I(now)))
            return false;
    return true;
}

/* Only where some are missing: a start should not write. */
bool standard_names_store(struct ctx *c)
{
    int64_t wanted = 0, now = clock_us();

    for (const struct name_list *l = placement_standard; l->name; l++)
        for (const char *at = l->text; (at = strchr(at, '\n')); at++)
            wanted++;
    if (db_count(c, "SELECT (SELECT count(*) FROM traits WHERE name NOT LIKE 'CUSTOM~_%' ESCAPE '~') + "
                    "(SELECT count(*) FROM resource_classes WHERE name NOT LIKE 'CUSTOM~_%' ESCAPE '~')") == wanted)
        return true;
    if (failed(c) || !db_begin(c))
        return false;
    if (store_traits(c, now) && store_classes(c, now))
        return db_commit(c);
    db_rollback(c);
    return false;
}

const char *traits_unknown(struct ctx *c, const char *const *names)
{
    struct sql *s = sql_new(c);
    g_autoptr(GHashTable) found = g_hash_table_new(g_str_hash, g_str_equal);
    struct rows *rows;

    if (!names || !names[0])
        return NULL;
    sql_add(s, "SELECT name FROM traits WHERE name IN ");
    sql_in(s, names);
    for (rows = sql_query(s); db_next(rows);)
        g_hash_table_add(found, db_text(rows, 0));
    for (; *names; names++)
        if (!g_hash_table_contains(found, *names))
            return *names;
    return NULL;
}
