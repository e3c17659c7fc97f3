/* The faults of Swift's own start: what is wrong with its files. Answers to clients are swift_responses. */
#ifndef SWIFT_FAULTS_H
#define SWIFT_FAULTS_H

#define PIPELINE_UNKNOWN     500, "LookupError", "proxy-server.conf: no filter is known as '%s'"
#define PIPELINE_INVALID     500, "ValueError", "proxy-server.conf: invalid pipeline: %s"

#endif
