/* Any rules and any assertion: refused or applied, never a crash. The input is rules in JSON on one line, then lines of name=value. */
#include <stddef.h>
#include <string.h>

#include "keystone/federation/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 9);
    struct pair assertion[9] = {};
    struct mapped mapped;
    struct ctx c;
    size_t n = 0;

    ctx_init(&c, NULL, "req-fuzz");
    for (char **line = lines; *line && line[1]; line++) {
        char *value = strchr(line[1], '=');

        if (!value || !text_is_utf8(line[1], strlen(line[1])))
            continue;
        *value = '\0';
        assertion[n++] = (struct pair){ line[1], value + 1 };
        python_list_read(&c, value + 1);
    }
    json_t *body = *lines ? json_read(&c, *lines, strlen(*lines)) : NULL;
    if (body && mapping_judge(&c, body))
        mapping_apply(&c, "m", json_object_get(body, "rules"), assertion, &mapped);
    ctx_clear(&c);
    return 0;
}
