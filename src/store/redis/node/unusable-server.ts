/** Messages cannot be kept on this server before somebody changes something. `message` says what, in a sentence without its address. */
export class UnusableServer extends Error {
  override readonly name = "UnusableServer";
  /** Nothing but another server helps: a process that has seen no other one need not wait. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal = false) {
    super(message);
    this.isFinal = isFinal;
  }
}
