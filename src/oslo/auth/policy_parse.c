/* oslo.policy's language: a rule's text becomes a tree, once.
 *
 * A recursive descent over blank-separated words; parentheses stick to words, as in the original.
 */
#include "oslo/auth/policy_tree.h"

#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 64 };             /* of parentheses and "not" */

struct parser {
    struct ctx *c;                   /* gives memory; takes no fault */
    const char *at;                  /* what is not read yet */
    int depth;
    const char *error;
};

static struct node *parse_or(struct parser *);

static struct node *node_new(struct parser *p, enum check check, struct node *left, struct node *right)
{
    struct node *node = ctx_new(p->c, struct node);

    *node = (struct node){ .check = check, .left = left, .right = right };
    return node;
}

static const struct piece *parse_match(struct parser *p, const char *text)
{
    size_t n = 2, i = 0;

    for (const char *s = text; *s; s++)
        n += *s == '%' ? 2 : 0;
    struct piece *pieces = ctx_new_n(p->c, struct piece, n + 1);
    while (*text) {
        const char *name = strstr(text, "%("), *end = name ? strstr(name, ")s") : NULL;

        if (!end) {
            pieces[i++].text = text;
            break;
        }
        if (name > text)
            pieces[i++].text = ctx_strndup(p->c, text, (size_t)(name - text));
        pieces[i].is_name = true;
        pieces[i++].text = ctx_strndup(p->c, name + 2, (size_t)(end - name - 2));
        text = end + 2;
    }
    return pieces;
}

/* The value of a kind that is a Python literal ('Member', True, None, 7); NULL: it names a credential. */
static const char *parse_literal(struct parser *p, const char *kind)
{
    size_t n = strlen(kind);

    if (n >= 2 && (kind[0] == '\'' || kind[0] == '"') && kind[n - 1] == kind[0])
        return ctx_strndup(p->c, kind + 1, n - 2);
    if (!strcmp(kind, "True") || !strcmp(kind, "False") || !strcmp(kind, "None") || (n && strspn(kind, "0123456789") == n))
        return kind;
    return NULL;
}

static void release_regex(void *regex)
{
    g_regex_unref(regex);
}

/* field:networks:shared=True, field:port:device_owner=~^network: */
static struct node *parse_field(struct parser *p, char *match)
{
    struct node *node = node_new(p, FIELD_IS, NULL, NULL);
    char *name = strchr(match, ':'), *value = name ? strchr(name, '=') : NULL;

    if (!value) {
        p->error = "field: needs resource:name=value";
        return NULL;
    }
    *value++ = '\0';
    node->word = name + 1;
    if (*value != '~') {
        node->match = parse_match(p, value);
        return node;
    }
    node->check = FIELD_LIKE;
    node->like = g_regex_new(value + 1, G_REGEX_RAW | G_REGEX_ANCHORED, 0, NULL);
    if (!node->like) {
        p->error = "bad regular expression";
        return NULL;
    }
    ctx_own(p->c, node->like, release_regex);
    return node;
}

static struct node *parse_check(struct parser *p, char *word)
{
    char *colon = strchr(word, ':');

    if (!strcmp(word, "@") || !strcmp(word, "!"))
        return node_new(p, *word == '@' ? ALWAYS : NEVER, NULL, NULL);
    if (!colon) {
        p->error = "a check needs kind:match";
        return NULL;
    }
    *colon = '\0';
    char *match = colon + 1;
    if (!strcmp(word, "field"))
        return parse_field(p, match);
    struct node *node = node_new(p, CREDENTIAL, NULL, NULL);
    if (!strcmp(word, "rule")) {
        node->check = RULE;
        node->word = match;
        return node;
    }
    node->match = parse_match(p, match);
    if (!strcmp(word, "role")) {
        node->check = ROLE;
    } else if (!strcmp(word, "http") || !strcmp(word, "https")) {
        node->check = REMOTE;
        node->word = word;
    } else if ((node->word = parse_literal(p, word)) != NULL) {
        node->check = LITERAL;
    } else if ((node->credential = credential_find(word)) == NULL) {
        node->check = NEVER;
    }
    return node;
}

static void skip_blanks(struct parser *p)
{
    p->at += strspn(p->at, " \t\r\n\v\f");
}

/* Takes "(" , ")" or a word like "and" if it is next. */
static bool accept_paren(struct parser *p, char paren)
{
    skip_blanks(p);
    if (*p->at != paren)
        return false;
    p->at++;
    return true;
}

static size_t word_length(const char *at)
{
    size_t n = strcspn(at, " \t\r\n\v\f");

    while (n && at[n - 1] == ')')
        n--;
    return n;
}

static bool accept_word(struct parser *p, const char *word)
{
    skip_blanks(p);
    size_t n = word_length(p->at);
    if (n != strlen(word) || strncasecmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static struct node *parse_unary(struct parser *p)
{
    struct node *node = NULL;

    if (p->depth >= DEPTH_MAX) {
        p->error = "nested too deep";
        return NULL;
    }
    p->depth++;
    if (accept_paren(p, '(')) {
        node = parse_or(p);
        if (node && !accept_paren(p, ')')) {
            p->error = "a parenthesis is not closed";
            node = NULL;
        }
    } else if (accept_word(p, "not")) {
        node = parse_unary(p);
        node = node ? node_new(p, NOT, node, NULL) : NULL;
    } else {
        size_t n = word_length(p->at);

        if (n) {
            node = parse_check(p, ctx_strndup(p->c, p->at, n));
            p->at += n;
        } else {
            p->error = "a check is missing";
        }
    }
    p->depth--;
    return node;
}

static struct node *parse_and(struct parser *p)
{
    struct node *node = parse_unary(p);

    while (node && accept_word(p, "and")) {
        struct node *right = parse_unary(p);

        node = right ? node_new(p, AND, node, right) : NULL;
    }
    return node;
}

static struct node *parse_or(struct parser *p)
{
    struct node *node = parse_and(p);

    while (node && accept_word(p, "or")) {
        struct node *right = parse_and(p);

        node = right ? node_new(p, OR, node, right) : NULL;
    }
    return node;
}

struct node *rule_parse(struct ctx *memory, const char *text, const char **ret_error)
{
    struct parser parser = { .c = memory, .at = text }, *p = &parser;

    skip_blanks(p);
    if (!*p->at)
        return node_new(p, ALWAYS, NULL, NULL);
    struct node *node = parse_or(p);
    skip_blanks(p);
    if (node && *p->at) {
        p->error = "there is more than one expression";
        node = NULL;
    }
    *ret_error = p->error;
    return node;
}
