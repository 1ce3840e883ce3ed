// Files on their way from the composer to the server.
import { failureOf, type Failure } from '../api/failure';
import { uploadAttachment } from '../api/library';
import type { Attachment } from '../api/types';

const MOST_AT_ONCE = 20;

export class Uploads {
  coming = $state.raw<readonly string[]>([]);
  private running = new AbortController();

  /** Sends files; each is told of when it has arrived or was refused. */
  async add(
    files: Iterable<File>,
    model: string,
    arrived: (attachment: Attachment) => void,
    refused: (name: string, failure: Failure) => void,
  ): Promise<void> {
    const { signal } = this.running;
    for (const file of [...files].slice(0, MOST_AT_ONCE)) {
      this.coming = [...this.coming, file.name];
      try {
        arrived(await uploadAttachment(file, model, signal));
      } catch (error) {
        if (!signal.aborted) refused(file.name, failureOf(error));
      } finally {
        const at = this.coming.indexOf(file.name);
        this.coming = this.coming.filter((_, index) => index !== at);
      }
    }
  }

  cancel(): void {
    this.running.abort();
    this.running = new AbortController();
    this.coming = [];
  }
}
