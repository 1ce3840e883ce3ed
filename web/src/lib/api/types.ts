// What the server sends, by its own names: docs/web-api.md. Times are milliseconds since 1970 UTC.

export interface Sampling {
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly min_p?: number;
  readonly repetition_penalty?: number;
  readonly presence_penalty?: number;
  readonly frequency_penalty?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
}

export interface Conversation {
  readonly id: string;
  /** '' until there is one. */
  readonly title: string;
  readonly project_id: string | null;
  readonly assistant_id: string | null;
  /** '': the server's default. */
  readonly model: string;
  readonly instructions: string;
  readonly sampling: Sampling;
  readonly pinned: boolean;
  readonly archived: boolean;
  readonly active_leaf: string | null;
  readonly messages: number;
  /** Messages that are being generated now. */
  readonly answering: readonly string[];
  readonly created_ms: number;
  readonly updated_ms: number;
}

/** What PATCH and POST of a conversation take. */
export type ConversationChange = Partial<
  Pick<
    Conversation,
    'title' | 'project_id' | 'assistant_id' | 'model' | 'instructions' | 'sampling' | 'pinned' | 'archived' | 'active_leaf'
  >
>;

export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly tokens: number | null;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly completion_tokens: number;
}

export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
}

export type MessageStatus = 'complete' | 'running' | 'stopped' | 'failed';

export interface ContextUse {
  readonly used: number | null;
  readonly limit: number | null;
}

export interface Message {
  readonly id: string;
  readonly conversation_id: string;
  readonly parent_id: string | null;
  readonly role: string; // user, assistant; imports also have system and tool
  readonly content: string;
  readonly reasoning: string;
  readonly siblings: readonly string[];
  readonly status: MessageStatus;
  readonly error: ErrorRecord | null;
  readonly finish_reason: string | null;
  readonly model: string;
  readonly not_sent_until: string | null;
  readonly context: ContextUse | null;
  readonly usage: Usage | null;
  readonly duration_ms: number;
  readonly reasoning_ms: number;
  readonly attachments: readonly Attachment[];
  readonly last_event: number;
  readonly created_ms: number;
}

/** The event stream of an answer. */
export type AnswerEvent =
  | {
      readonly type: 'start';
      readonly model: string;
      readonly context: ContextUse | null;
      readonly not_sent_until: string | null;
    }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'snapshot'; readonly text: string; readonly reasoning: string }
  | {
      readonly type: 'end';
      readonly status: Exclude<MessageStatus, 'running'>;
      readonly finish_reason: string | null;
      readonly error: ErrorRecord | null;
      readonly usage: Usage | null;
      readonly duration_ms: number;
      readonly reasoning_ms: number;
    };

/** The event stream of an account. */
export type AccountEvent =
  | { readonly type: 'hello'; readonly resumed: boolean }
  | { readonly type: 'conversation'; readonly conversation: Conversation }
  | { readonly type: 'conversation_deleted'; readonly id: string }
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'message_deleted'; readonly conversation_id: string; readonly id: string }
  | { readonly type: 'changed'; readonly what: string };

export interface Page<T> {
  readonly data: readonly T[];
  readonly next: string | null;
}

export interface Path {
  /** From the first message to the leaf. */
  readonly data: readonly Message[];
  readonly leaf: string | null;
  /** Whether there is more above. */
  readonly earlier: boolean;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly instructions: string;
  readonly conversations: number;
}

export interface Assistant {
  readonly id: string;
  readonly name: string;
  readonly icon: string;
  readonly description: string;
  readonly instructions: string;
  readonly model: string;
  readonly sampling: Sampling;
  readonly starters: readonly string[];
}

export interface Prompt {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

export interface Share {
  readonly id: string;
  readonly path: string;
  readonly conversation_id: string;
  readonly title: string;
  readonly messages: number;
  readonly created_ms: number;
}

export interface SharedMessage {
  readonly role: string;
  readonly content: string;
  readonly reasoning: string;
  readonly model: string;
  readonly attachments: readonly { readonly name: string; readonly bytes: number }[];
}

export interface SharedChat {
  readonly title: string;
  readonly created_ms: number;
  readonly messages: readonly SharedMessage[];
}

export interface AccountSettings {
  readonly instructions: string;
  readonly model: string;
  readonly sampling: Sampling;
}

export interface Piece {
  readonly text: string;
  readonly match: boolean;
}

export interface Hit {
  readonly conversation: Conversation;
  readonly message_id: string | null;
  readonly role: string;
  readonly title: readonly Piece[];
  readonly snippet: readonly Piece[];
}

export interface ImportJob {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly done: number;
  readonly total: number;
  readonly conversations: number;
  readonly messages: number;
  readonly skipped: number;
  readonly error: ErrorRecord | string | null;
}
