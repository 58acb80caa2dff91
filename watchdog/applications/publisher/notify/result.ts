/**
 * `confirmed`: the application uses the endpoint, and was not only notified: it was started after the file was written, or
 * it confirms a reload itself. `waitingFor`: no process to notify at present, which is not an error; the publisher tries
 * again.
 */
export type NotifyResult =
  | { readonly notified: true; readonly confirmed: boolean }
  | { readonly notified: false; readonly waitingFor: string };
