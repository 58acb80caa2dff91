/** Acknowledgements: reports to the endpoint services which epoch this program uses. */
#ifndef ESC_ACKNOWLEDGE_H
#define ESC_ACKNOWLEDGE_H

#include "cluster.h"

typedef struct acknowledgement {
  /** The last epoch that a service accepted; 0: none. */
  uint64_t epoch;
  /** The last epoch for which a failure was logged. */
  uint64_t failed_epoch;
} acknowledgement;

/** Acknowledges the epoch in use, unless connections of an earlier one are still busy. */
void esc_acknowledge(escluster *c, acknowledgement *acknowledged);

#endif
