/** Acknowledgements: reports to the endpoint services which epoch this program uses. */
#ifndef ESC_ACKNOWLEDGE_H
#define ESC_ACKNOWLEDGE_H

#include "cluster.h"

/** Whether epochs are acknowledged at all. */
bool esc_acknowledges(const escluster *c);

/** The thread; its context is the cluster. Runs until the cluster is cancelled. */
void *esc_acknowledge_epochs(void *context);

#endif
