// A message on the page. The list of messages stays the same while an answer grows; only its record changes.
import type { Failure } from '../api/failure';
import type { Message } from '../api/types';

export class MessageView {
  record = $state.raw<Message>() as Message;
  /** Why the server does not have it. */
  failure = $state.raw<Failure | null>(null);
  /** On its way to the server. */
  sending = $state(false);
  /** When its reasoning began on this page; null where that was not seen. */
  reasoningSince = $state<number | null>(null);

  constructor(record: Message) {
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }
}
