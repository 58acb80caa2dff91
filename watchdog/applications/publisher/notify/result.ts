/** `waitingFor`: no process to notify at present, which is not an error; the publisher tries again. */
export type NotifyResult = { readonly notified: true } | { readonly notified: false; readonly waitingFor: string };
