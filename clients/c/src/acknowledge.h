/** Acknowledgements: reports to the endpoint services which epoch this program uses. */
#ifndef ESC_ACKNOWLEDGE_H
#define ESC_ACKNOWLEDGE_H

#include "public.h"

/**
 * How often an acknowledgement is repeated: an endpoint service forgets an instance an hour after its last one. A variable, so
 * that the tests need not wait for that long.
 */
extern unsigned esc_repeat_acknowledgement_ms;

/** Whether epochs are acknowledged at all. */
bool esc_acknowledges(const escluster *c);

/** The thread; its context is the cluster. Runs until the cluster is cancelled. */
void *esc_acknowledge_epochs(void *context);

#endif
