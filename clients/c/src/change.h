/** Tells the program that the endpoint has changed: on_change, and a descriptor to poll. */
#ifndef ESC_CHANGE_H
#define ESC_CHANGE_H

#include "cluster.h"

/** To be called after each change, without the mutex. */
void esc_report_change(escluster *c);

#endif
