/* The little language of extra specs: an operator and words. Without an operator known here the whole text is compared. */
#include "nova/scheduler/scheduler.h"

#include <stdlib.h>
#include <string.h>

enum how { NUMBERS, TEXTS };
static const struct operator {
    const char *sign;
    enum how how;
    bool less, equal, more;          /* which outcomes of the comparison meet it */
} operators[] = {
    { "=", NUMBERS, .equal = true, .more = true },
    { "==", NUMBERS, .equal = true },
    { "!=", NUMBERS, .less = true, .more = true },
    { ">=", NUMBERS, .equal = true, .more = true },
    { "<=", NUMBERS, .less = true, .equal = true },
    { "s==", TEXTS, .equal = true },
    { "s!=", TEXTS, .less = true, .more = true },
    { "s<", TEXTS, .less = true },
    { "s<=", TEXTS, .less = true, .equal = true },
    { "s>", TEXTS, .more = true },
    { "s>=", TEXTS, .equal = true, .more = true },
};

static bool number(const char *text, double *ret_value)
{
    char *end;

    *ret_value = g_ascii_strtod(text, &end);
    return end != text && !*end;
}

static bool compare(const struct operator *o, const char *value, const char *word)
{
    double a, b;
    int order;

    if (o->how == TEXTS) {
        order = strcmp(value, word);
    } else {
        if (!number(value, &a) || !number(word, &b))
            return false;
        order = (a > b) - (a < b);
    }
    return order < 0 ? o->less : order > 0 ? o->more : o->equal;
}

bool extra_spec_match(const char *value, const char *requirement)
{
    g_auto(GStrv) split = g_strsplit_set(requirement, " \t\n", -1);
    g_autofree char **word = g_new0(char *, g_strv_length(split) + 1);
    size_t n = 0;

    for (char **piece = split; *piece; piece++)
        if (**piece)
            word[n++] = *piece;
    if (n && !strcmp(word[0], "<or>")) {
        for (size_t i = 1; i < n; i += 2)
            if (!strcmp(word[i], value))
                return true;
        return false;
    }
    if (n && !strcmp(word[0], "<in>"))
        return n > 1 && strstr(value, word[1]);
    if (n && !strcmp(word[0], "<all-in>")) {
        for (size_t i = 1; i < n; i++)
            if (!strstr(value, word[i]))
                return false;
        return n > 1;
    }
    for (size_t i = 0; n && i < G_N_ELEMENTS(operators); i++)
        if (!strcmp(word[0], operators[i].sign))
            return n > 1 && compare(&operators[i], value, word[1]);
    return !strcmp(value, requirement);
}
