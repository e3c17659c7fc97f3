/* Errors of finding a host, building and running a guest, one line each; those of the API stand in faults.h. */
#ifndef NOVA_FAULTS_COMPUTE_H
#define NOVA_FAULTS_COMPUTE_H

#include "nova/faults.h"

#define NO_VALID_HOST 500, "NoValidHost", "No valid host was found. %s"
#define MAX_RETRIES 500, "MaxRetriesExceeded", "Exceeded maximum number of retries. %s"
#define COMPUTE_SERVICE_UNAVAILABLE 400, "ComputeServiceUnavailable", "Compute service of %s is unavailable at this time."
#define UNABLE_TO_MIGRATE_TO_SELF 400, "UnableToMigrateToSelf", "Unable to migrate instance (%s) to current host (%s)."
#define BUILD_ABORTED 500, "BuildAbortException", "Build of instance %s aborted: %s"
#define PORT_BINDING_FAILED 500, "PortBindingFailed", "Binding failed for port %s, please check neutron logs for more information."
/* Its agent has just started: a job waits. */
#define HYPERVISOR_NOT_OPEN    503, "HypervisorUnavailable", "Connection to the hypervisor is broken on host: %s"
#define HYPERVISOR_UNAVAILABLE 500, "HypervisorUnavailable", "Connection to the hypervisor is broken on host: %s"
#define NOT_SUPPORTED_BY_DRIVER 501, "NotImplementedError", "Driver %s cannot do this: %s"
#define SIMULATED_FAILURE 500, "InternalError", "The simulated host %s fails all builds."
#define LIBVIRT_ERROR 500, "libvirtError", "%s"
#define IMAGE_UNACCEPTABLE 400, "ImageUnacceptable", "Image %s is unacceptable: %s"
#define FLAVOR_DISK_SMALLER 400, "FlavorDiskSmallerThanImage", \
    "Flavor's disk is too small for requested image. Flavor disk is %" G_GINT64_FORMAT " bytes, image is %" G_GINT64_FORMAT " bytes."
#define INTERFACE_ATTACH_FAILED 500, "InterfaceAttachFailed", "Failed to attach network adapter device to %s"
#define VIF_TYPE_UNKNOWN 500, "InternalError", "Unexpected vif_type=%s"
#define PORT_NOT_ATTACHED 404, "PortNotFound", "Port id %s could not be found."
#define CONSOLE_UNAVAILABLE 400, "ConsoleTypeUnavailable", "Unavailable console type %s."
#define NETWORK_NOT_FOUND 400, "NetworkNotFound", "Network %s could not be found."
#define MULTIPLE_NETWORKS 409, "NetworkAmbiguous", "Multiple possible networks found, use a Network ID to be more specific."
#define SECURITY_GROUP_NOT_FOUND 404, "SecurityGroupNotFound", "Security group %s not found."
#define METADATA_NOT_FOUND 404, "HTTPNotFound", "The resource could not be found."

#endif
