/* Which of Swift's roles this process has. */
#include "swift/swift.h"

#include "oslo/service/service.h"

bool swift_runs(const char *role)
{
    return service_runs(role);
}
