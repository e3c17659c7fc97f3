/* What the files of Glance share. */
#ifndef GLANCE_GLANCE_H
#define GLANCE_GLANCE_H

#include "oslo/service/service.h"

struct glance_options {
    int64_t image_size_cap, image_property_quota, image_tag_quota, image_member_quota, limit_param_default, api_limit_max;
    int64_t task_time_to_live;       /* hours */
    char *import_ports;              /* "80,443" */
    bool import_from_loopback;
};
const struct glance_options *glance_options(void);

#define STORE "file"                 /* the one store there is, as clients see it */

extern const struct service glance;
extern const struct rest_style glance_style;
extern const struct policy glance_policies[];
extern const struct migration glance_migrations[];
extern const struct job_kind import_job;

extern const struct route glance_version_routes[], glance_image_routes[], glance_data_routes[], glance_member_routes[], glance_tag_routes[],
    glance_action_routes[],
    glance_info_routes[], glance_schema_routes[], glance_import_routes[], glance_task_routes[], glance_namespace_routes[], glance_item_routes[],
    glance_resource_type_routes[];

#endif
