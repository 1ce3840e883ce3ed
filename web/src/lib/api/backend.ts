// Which of the two keeps the conversations: said once for each account, before anything else is asked.
import type { ChatsApi } from './chats';
import { serverChats } from './server_chats';

let resolveChosen: (api: ChatsApi) => void = () => undefined;
let chosen = new Promise<ChatsApi>((resolve) => (resolveChosen = resolve));
let open = true;

function choose(api: ChatsApi): void {
  open = false;
  resolveChosen(api);
}

/** Waits until it is known. */
export const chats: ChatsApi = {
  listConversations: async (...values) => (await chosen).listConversations(...values),
  createConversation: async (...values) => (await chosen).createConversation(...values),
  getConversation: async (...values) => (await chosen).getConversation(...values),
  changeConversation: async (...values) => (await chosen).changeConversation(...values),
  batch: async (...values) => (await chosen).batch(...values),
  deleteConversations: async (...values) => (await chosen).deleteConversations(...values),
  deleteEverything: async (...values) => (await chosen).deleteEverything(...values),
  getPath: async (...values) => (await chosen).getPath(...values),
  sendMessage: async (...values) => (await chosen).sendMessage(...values),
  answerAgain: async (...values) => (await chosen).answerAgain(...values),
  continueAnswer: async (...values) => (await chosen).continueAnswer(...values),
  stopAnswer: async (...values) => (await chosen).stopAnswer(...values),
  getMessage: async (...values) => (await chosen).getMessage(...values),
  deleteMessage: async (...values) => (await chosen).deleteMessage(...values),
  askTemporarily: async (...values) => (await chosen).askTemporarily(...values),
  searchChats: async (...values) => (await chosen).searchChats(...values),
  answerEvents: async function* (...values) {
    yield* (await chosen).answerEvents(...values);
  },
  accountEvents: async function* (...values) {
    yield* (await chosen).accountEvents(...values);
  },
};

/** The server keeps the conversations. */
export function useServer(): void {
  choose(serverChats);
}

/** This browser keeps those of `account`; `model` says which model answers where none was chosen. */
export async function useBrowser(account: string, model: () => Promise<string>): Promise<void> {
  const { LocalChats } = await import('../local/local_chats');
  choose(new LocalChats(account, model));
}

/** Somebody else is to be asked for. */
export function forgetBackend(): void {
  if (open) return; // what waits already waits for the next one
  open = true;
  chosen = new Promise<ChatsApi>((resolve) => (resolveChosen = resolve));
}
