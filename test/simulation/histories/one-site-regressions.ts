/** Seeds whose histories once broke an invariant, with what was wrong then. */
export const regressionSeeds: readonly { readonly seed: number; readonly defect: string }[] = [
  {
    seed: 1026,
    defect:
      "a ticket that HAProxy took late opened the old region again: a later ticket that succeeded hid that one had failed",
  },
];
