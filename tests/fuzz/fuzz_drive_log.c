/* Any bytes as a kernel's log: what is found in it are names of drives, each as often as its lines can say it. */
#include "swift/tools/drive_audit.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const time_t now = 1793000000;           /* October 2026 */
    GHashTableIter iter;
    void *device, *times;
    struct drive_log l;
    struct ctx c;

    if (!size)
        return 0;
    ctx_init(&c, NULL, "req-fuzz");
    drive_log_init(&c, &l, now, data[0] & 1 ? 60 : (int64_t)60 * 24 * 365 * 200);
    drive_log_usual_patterns(&c, &l);
    drive_log_read(&l, (const char *)data + 1, size - 1);
    g_hash_table_iter_init(&iter, l.errors);
    while (g_hash_table_iter_next(&iter, &device, &times)) {
        size_t n = strlen(device);

        if (n < 3 || n > 5 || strncmp(device, "sd", 2) || GPOINTER_TO_INT(times) < 1 || (size_t)GPOINTER_TO_INT(times) > 2 * size)
            __builtin_trap();
    }
    drive_log_clear(&l);
    ctx_clear(&c);
    return 0;
}
