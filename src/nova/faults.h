/* Every error Nova can answer, one line each: status, the original's class, what the user reads. */
#ifndef NOVA_FAULTS_H
#define NOVA_FAULTS_H

#define INSTANCE_NOT_FOUND 404, "InstanceNotFound", "Instance %s could not be found."
#define INSTANCE_NOT_READY 409, "InstanceNotReady", "Instance %s is not ready"

#endif
