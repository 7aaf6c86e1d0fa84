/**
 * Thrown if messages cannot be kept on a server until its operator changes something. `message` says what,
 * without the server's address.
 */
export class UnusableServer extends Error {
  override readonly name = "UnusableServer";
  /** Whether only another server helps, so that a process that has seen no other one need not wait. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal = false) {
    super(message);
    this.isFinal = isFinal;
  }
}
