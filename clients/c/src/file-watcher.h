/** Follows the endpoint file. */
#ifndef ESC_FILE_WATCHER_H
#define ESC_FILE_WATCHER_H

#include "cluster.h"

/** Reads the endpoint file, if there is one. `requested`: log an error even if it is the same as the last time. */
void esc_read_endpoint_file(escluster *c, bool requested);

/** The thread; its context is the cluster. Runs until `stopping`. */
void *esc_watch_file(void *context);

#endif
