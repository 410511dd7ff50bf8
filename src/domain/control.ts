/** What is published on a run's control channel. Only a hint: the record's cancel fields are the truth. */
export interface ControlMessage {
  readonly kind: 'cancel';
  readonly force: boolean;
}
