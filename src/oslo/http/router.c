/* Which row of the route tables answers a request.
 *
 * Rows hang on a tree of path segments, literal children before the one parameter child, so that "/servers/detail" wins
 * over "/servers/{id}" for the methods both have. The tree is built before the first request and only read afterwards.
 */
#include "oslo/http/http.h"

#include <string.h>

#define SEGMENTS_MAX 32

struct row {
    const struct route *route;
    const char *names[SEGMENTS_MAX];         /* of the path's parameters, in order */
    int n_names;
};

struct node {
    GHashTable *literal;                     /* segment -> struct node */
    struct node *parameter;
    GPtrArray *rows, *rest_rows;             /* struct row; rest_rows end with "{name*}" here */
};

struct router {
    struct node *root;
    GPtrArray *all;                          /* struct row, in the order added */
};

struct walk {
    struct ctx *c;
    struct request *request;
    const char *method;
    int version;
    const char *action;                      /* only this action's row; NULL: the first row */
    char *segments[SEGMENTS_MAX];
    int n_segments;
    const char *values[SEGMENTS_MAX];
    int n_values;
    GPtrArray *methods;                      /* const char *, of the rows that fit but for their method */
    const struct row *found;
};

static void node_free(void *data)
{
    struct node *node = data;

    if (!node)
        return;
    g_clear_pointer(&node->literal, g_hash_table_destroy);
    node_free(node->parameter);
    g_clear_pointer(&node->rows, g_ptr_array_unref);
    g_clear_pointer(&node->rest_rows, g_ptr_array_unref);
    g_free(node);
}

struct router *router_new(void)
{
    struct router *router = g_new0(struct router, 1);

    router->root = g_new0(struct node, 1);
    router->all = g_ptr_array_new_with_free_func(g_free);
    return router;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    node_free(router->root);
    g_ptr_array_unref(router->all);
    g_free(router);
}

static struct node *node_child(struct node *node, const char *segment)
{
    struct node *child;

    if (segment[0] == '{') {
        if (!node->parameter)
            node->parameter = g_new0(struct node, 1);
        return node->parameter;
    }
    if (!node->literal)
        node->literal = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, node_free);
    child = g_hash_table_lookup(node->literal, segment);
    if (!child) {
        child = g_new0(struct node, 1);
        g_hash_table_insert(node->literal, g_strdup(segment), child);
    }
    return child;
}

/* "{id}" names the parameter "id", "{name*}" the parameter "name". */
static const char *parameter_name(const char *segment, bool *ret_rest)
{
    g_autofree char *name = g_strndup(segment + 1, strlen(segment) - 2);

    *ret_rest = g_str_has_suffix(name, "*");
    if (*ret_rest)
        name[strlen(name) - 1] = '\0';
    return g_intern_string(name);
}

static void add_row(struct router *router, const struct route *route)
{
    struct row *row = g_new0(struct row, 1);
    struct node *node = router->root;
    bool rest = false;
    GPtrArray **rows;

    g_auto(GStrv) segments = g_strsplit(route->path + 1, "/", -1);
    row->route = route;
    g_ptr_array_add(router->all, row);
    for (char **s = segments; *s && !rest; s++) {
        if (**s == '{') {
            g_assert(row->n_names < SEGMENTS_MAX);
            row->names[row->n_names++] = parameter_name(*s, &rest);
        }
        if (!rest)
            node = node_child(node, *s);
    }
    rows = rest ? &node->rest_rows : &node->rows;
    if (!*rows)
        *rows = g_ptr_array_new();
    g_ptr_array_add(*rows, row);
}

void router_add(struct router *router, const struct route *routes)
{
    for (const struct route *route = routes; route->method; route++)
        add_row(router, route);
}

void router_each(const struct router *router, void (*visit)(void *data, const struct route *), void *data)
{
    for (guint i = 0; i < router->all->len; i++)
        visit(data, ((const struct row *)router->all->pdata[i])->route);
}

static bool row_fits(const struct walk *walk, const struct route *route)
{
    if ((route->since && walk->version < route->since) || (route->until && walk->version > route->until))
        return false;
    return !walk->action || (route->action && strcmp(route->action, walk->action) == 0);
}

/* Looks for the method among rows of one place in the tree. */
static bool try_rows(struct walk *walk, const GPtrArray *rows)
{
    const struct row *get = NULL;

    for (guint i = 0; rows && i < rows->len; i++) {
        const struct row *row = rows->pdata[i];

        if (!row_fits(walk, row->route))
            continue;
        if (strcmp(row->route->method, walk->method) == 0) {
            walk->found = row;
            return true;
        }
        if (!get && strcmp(row->route->method, "GET") == 0)
            get = row;
        g_ptr_array_add(walk->methods, (void *)(uintptr_t)row->route->method);
    }
    if (get && strcmp(walk->method, "HEAD") == 0)
        walk->found = get;
    return walk->found != NULL;
}

static char *joined(struct walk *walk, int from)
{
    struct buf all = {};
    char *text;

    for (int i = from; i < walk->n_segments; i++) {
        if (i > from)
            buf_putc(&all, '/');
        buf_puts(&all, walk->segments[i]);
    }
    text = ctx_strdup(walk->c, all.data ? all.data : "");
    buf_clear(&all);
    return text;
}

static bool walk_node(struct walk *walk, const struct node *node, int depth)
{
    const struct node *child;
    int values = walk->n_values;

    if (depth == walk->n_segments)
        return try_rows(walk, node->rows);
    child = node->literal ? g_hash_table_lookup(node->literal, walk->segments[depth]) : NULL;
    if (child && walk_node(walk, child, depth + 1))
        return true;
    if (node->parameter && walk->segments[depth][0]) {
        walk->values[walk->n_values++] = walk->segments[depth];
        if (walk_node(walk, node->parameter, depth + 1))
            return true;
        walk->n_values = values;
    }
    if (!node->rest_rows || !try_rows(walk, node->rest_rows))
        return false;
    walk->values[walk->n_values++] = joined(walk, depth);
    return true;
}

/* Cuts the path at its slashes. False: more segments than any route has. */
static bool split(struct walk *walk)
{
    char *p = ctx_strdup(walk->c, walk->request->path + (walk->request->path[0] == '/'));

    if (!*p)                                 /* "/" has none, as the route "/" */
        return true;
    for (;; p++) {
        if (walk->n_segments == SEGMENTS_MAX)
            return false;
        walk->segments[walk->n_segments++] = p;
        p = strchr(p, '/');
        if (!p)
            return true;
        *p = '\0';
    }
}

static void take(struct walk *walk)
{
    const struct row *row = walk->found;
    struct pair *args = ctx_new_n(walk->c, struct pair, row->n_names + 1);

    for (int i = 0; i < row->n_names; i++)
        args[i] = (struct pair){ row->names[i], walk->values[i] };
    walk->request->route = row->route;
    walk->request->args = args;
}

static const char *allow_header(struct walk *walk)
{
    GPtrArray *methods = walk->methods;
    struct buf text = {};
    char *copy;

    for (guint i = 0; i < methods->len; i++) {
        bool again = false;

        for (guint k = 0; k < i && !again; k++)
            again = strcmp(methods->pdata[k], methods->pdata[i]) == 0;
        if (again)
            continue;
        if (text.len)
            buf_puts(&text, ", ");
        buf_puts(&text, methods->pdata[i]);
    }
    copy = text.len ? ctx_strdup(walk->c, text.data) : NULL;
    buf_clear(&text);
    return copy;
}

static bool search(struct walk *walk, const struct router *router, const char **ret_allow)
{
    bool ok = split(walk);

    walk->method = walk->request->method;
    walk->methods = g_ptr_array_new();
    ok = ok && walk_node(walk, router->root, 0);
    if (ok)
        take(walk);
    else if (ret_allow)
        *ret_allow = allow_header(walk);
    g_ptr_array_unref(walk->methods);
    return ok;
}

bool router_find(struct ctx *c, const struct router *router, struct request *request, int version, const char **ret_allow)
{
    struct walk walk = { .c = c, .request = request, .version = version };

    return search(&walk, router, ret_allow);
}

bool router_find_action(struct ctx *c, const struct router *router, struct request *request, int version, const char *key)
{
    struct walk walk = { .c = c, .request = request, .version = version, .action = key };

    return search(&walk, router, NULL);
}
